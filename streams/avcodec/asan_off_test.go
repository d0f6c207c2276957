//go:build !asan

package avcodec

// sanitized says that this test runs under AddressSanitizer.
const sanitized = false
