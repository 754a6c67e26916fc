package tlsfiber

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"slices"
)

// QuickCurves are the key exchanges that take well under a millisecond, whoever the
// peer is: for tls.Config.CurvePreferences. Everybody has one of them.
func QuickCurves() []tls.CurveID {
	return []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256}
}

// Quick reports whether a server's handshakes with cfg are known to be short enough
// for the loop, see [Config.OnLoop]: each certificate has an ECDSA P-256 or Ed25519
// key in memory, CurvePreferences names none but QuickCurves, clients send no
// certificates, and no callback is set.
func Quick(cfg *tls.Config) bool {
	if hasCallbacks(cfg) || cfg.ClientAuth != tls.NoClientCert ||
		len(cfg.Certificates) == 0 || len(cfg.CurvePreferences) == 0 {
		return false
	}
	for _, cert := range cfg.Certificates {
		switch key := cert.PrivateKey.(type) {
		case ed25519.PrivateKey:
		case *ecdsa.PrivateKey:
			if key.Curve != elliptic.P256() {
				return false
			}
		default:
			return false
		}
	}
	quick := QuickCurves()
	return !slices.ContainsFunc(cfg.CurvePreferences, func(id tls.CurveID) bool { return !slices.Contains(quick, id) })
}

// computes reports whether a handshake with cfg does nothing but compute: nothing in
// it can wait for something else, or call somebody who does.
func computes(cfg *tls.Config) bool {
	for _, cert := range cfg.Certificates {
		switch cert.PrivateKey.(type) {
		case ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey:
		default:
			return false // it may be in another machine
		}
	}
	return !hasCallbacks(cfg)
}

func hasCallbacks(cfg *tls.Config) bool {
	return cfg.GetCertificate != nil || cfg.GetClientCertificate != nil || cfg.GetConfigForClient != nil ||
		cfg.VerifyPeerCertificate != nil || cfg.VerifyConnection != nil ||
		cfg.WrapSession != nil || cfg.UnwrapSession != nil ||
		cfg.EncryptedClientHelloRejectionVerify != nil || cfg.GetEncryptedClientHelloKeys != nil
}
