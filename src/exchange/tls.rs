//! The certificates that an encrypted connection trusts.

use std::error::Error;
use std::io;
use std::sync::{Arc, Once, OnceLock};

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{TransportError, Trust};

/// The TLS configuration for this trust.
pub(super) fn config(trust: &Trust) -> Result<ClientConfig, TransportError> {
    install_crypto();
    let bad = |reason: String| TransportError::BadClient { reason };
    let builder = ClientConfig::builder();
    Ok(match trust {
        Trust::System => {
            // Reading all certificates of the system is slow, and every transport of a process needs the same ones.
            static READ: OnceLock<ClientConfig> = OnceLock::new();
            if let Some(config) = READ.get() {
                return Ok(config.clone());
            }
            let builder = builder.try_with_platform_verifier().map_err(|error| bad(error.to_string()))?;
            READ.get_or_init(|| builder.with_no_client_auth()).clone()
        }
        Trust::Authorities(pem) => builder.with_root_certificates(roots(pem).map_err(bad)?).with_no_client_auth(),
        Trust::Any => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(ring::default_provider())))
            .with_no_client_auth(),
    })
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("the file of --cacert is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate of --cacert cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("the file of --cacert contains no certificate; it must be PEM (-----BEGIN CERTIFICATE-----)".into());
    }
    Ok(roots)
}

/// Why an encrypted connection could not be opened and what to do about it; `None` when the error is not a TLS error.
pub(super) fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(describe(tls));
        }
        // An I/O error that wraps another error skips it in `source`, so it is unwrapped here.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn describe(error: &rustls::Error) -> String {
    use CertificateError as Wrong;
    let meaning = match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Wrong::UnknownIssuer => "the issuer of its certificate is not trusted; give its CA with --cacert FILE",
            Wrong::Expired | Wrong::ExpiredContext { .. } => "its certificate has expired",
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => "its certificate is not valid yet",
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => "its certificate is for another host",
            Wrong::BadSignature => "the signature of its certificate is not valid",
            Wrong::Revoked => "its certificate was revoked",
            _ => "its certificate cannot be used",
        },
        rustls::Error::InvalidMessage(_) => {
            "it does not support TLS; check whether the URL of the target must be http, not https"
        }
        _ => return error.to_string(),
    };
    format!("{meaning} ({error})")
}

fn install_crypto() {
    static ONCE: Once = Once::new();
    // An application that embeds the library may have installed its own provider already.
    ONCE.call_once(|| {
        let _ = ring::default_provider().install_default();
    });
}

/// Accepts any certificate. Signatures are still checked, so that broken ones are reported.
#[derive(Debug)]
struct Unverified(CryptoProvider);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_error_is_found_however_deep_it_is_wrapped() {
        let wrong = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(wrong));
        assert!(explain(&wrapped).is_some_and(|reason| reason.contains("--cacert FILE")));
        assert_eq!(explain(&io::Error::other("something else")), None);
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = config(&Trust::Authorities(pem.as_bytes().to_vec())).expect_err(pem).to_string();
            assert!(error.contains("--cacert"), "{error}");
        }
    }
}
