package seal

import "crypto/cipher"

// encryptBlocks encrypts whole blocks as they are.
func encryptBlocks(c Cipher, plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(c.keyed().block, c.keyed().iv[:]).CryptBlocks(out, plain)
	return out
}

// decryptBlocks decrypts whole blocks and leaves them as they are.
func decryptBlocks(c Cipher, sealed []byte) []byte {
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(c.keyed().block, c.keyed().iv[:]).CryptBlocks(out, sealed)
	return out
}
