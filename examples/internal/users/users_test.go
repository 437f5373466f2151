package users

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheck_accepts_only_the_password(t *testing.T) {
	u := New(1000)
	require.NoError(t, u.SetPassword("ada", "first"))
	assert.True(t, u.Check("ada", "first"))
	assert.False(t, u.Check("ada", "second"))
	assert.False(t, u.Check("ada", ""))
	assert.False(t, u.Check("bob", "first"))

	require.NoError(t, u.SetPassword("ada", "second"))
	assert.False(t, u.Check("ada", "first"), "the password that was replaced")
	assert.True(t, u.Check("ada", "second"))
}

func TestSetPassword_salts_each_hash(t *testing.T) {
	u := New(1000)
	require.NoError(t, u.SetPassword("ada", "same"))
	require.NoError(t, u.SetPassword("bob", "same"))
	assert.NotEqual(t, u.hashes["ada"].sum, u.hashes["bob"].sum)
}
