package record

import "crypto/sha256"

// Namespace separates the sessions of several Managers on one store. It is a
// hash of a name. It is so short that the hash of a namespace and an ID of the
// usual length takes one block of SHA-256.
type Namespace [8]byte

// NewNamespace returns the namespace of that name.
func NewNamespace(name string) (n Namespace) {
	sum := sha256.Sum256([]byte("holdfast: namespace\x00" + name))
	copy(n[:], sum[:])
	return n
}

// AppendPrefix appends the bytes with which all records of the namespace begin.
func (n Namespace) AppendPrefix(dst []byte) []byte {
	return append(append(dst, version), n[:namespaceTagLen]...)
}

// AppendUserPrefix appends the bytes with which the records of a user's
// sessions begin. Hardly any other record begins with them, but the caller must
// compare the user ID.
func (n Namespace) AppendUserPrefix(dst, user []byte) []byte {
	tag := userTag(user)
	return append(n.AppendPrefix(dst), tag[:]...)
}

// userTag returns the first bytes of the hash of a user, or 0 for a visitor. No
// user has the tag of a visitor.
func userTag(user []byte) (tag [userTagLen]byte) {
	if len(user) == 0 {
		return tag
	}
	sum := sha256.Sum256(user)
	if tag = [userTagLen]byte(sum[:]); tag == [userTagLen]byte{} {
		tag[0] = 1
	}
	return tag
}

// UserTag returns the bytes that AppendUserPrefix appends for the user of the
// record that begins with raw. It reports false if the record has no user, or
// if no record begins so. The tag itself is enough.
func UserTag(raw []byte) (tag []byte, ok bool) {
	if len(raw) < tagsEnd || raw[0] != version {
		return nil, false
	}
	tag = raw[:tagsEnd:tagsEnd]
	if [userTagLen]byte(tag[tagsEnd-userTagLen:]) == userTag(nil) {
		return nil, false
	}
	return tag, true
}
