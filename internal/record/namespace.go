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
	dst = n.AppendPrefix(dst)
	if len(user) == 0 {
		return append(dst, make([]byte, userTagLen)...)
	}
	sum := sha256.Sum256(user)
	return append(dst, sum[:userTagLen]...)
}

// UserTag returns the bytes that AppendUserPrefix appends for the user of the
// record raw. It reports false if raw has no user, or is not a record.
func UserTag(raw []byte) ([]byte, bool) {
	if len(raw) < fixedLen || raw[0] != version {
		return nil, false
	}
	tag := raw[:tagsEnd:tagsEnd]
	return tag, [userTagLen]byte(tag[tagsEnd-userTagLen:]) != [userTagLen]byte{}
}
