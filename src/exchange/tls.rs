//! The certificates that an encrypted connection trusts.

use std::error::Error;
use std::io;
use std::sync::{Arc, Once, OnceLock};

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
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
        Trust::Authorities(pem) => {
            let given = certificates(pem).map_err(bad)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(GivenCertificates::new(given).map_err(bad)?))
                .with_no_client_auth()
        }
        Trust::Any => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(ring::default_provider())))
            .with_no_client_auth(),
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the file of --cacert is not PEM: {error}"))?;
    if all.is_empty() {
        return Err("the file of --cacert contains no certificate; it must be PEM (-----BEGIN CERTIFICATE-----)".into());
    }
    Ok(all)
}

/// Accepts certificates that one of the given ones has signed, and the given ones themselves: a certificate that signs
/// itself is usually marked as that of an authority, which the library does not accept for a server.
#[derive(Debug)]
struct GivenCertificates {
    given: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl GivenCertificates {
    fn new(given: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("a certificate of --cacert cannot be used: {error}");
        let mut roots = RootCertStore::empty();
        for certificate in &given {
            roots.add(certificate.clone()).map_err(|error| unusable(&error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()))
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self { given, verifier })
    }
}

impl ServerCertVerifier for GivenCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // Its validity was checked before that.
            Err(rustls::Error::InvalidCertificate(wrong))
                if is_of_authority(&wrong) && self.given.iter().any(|given| given == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Whether a certificate was rejected only because it is marked as that of an authority.
fn is_of_authority(wrong: &CertificateError) -> bool {
    matches!(wrong, CertificateError::Other(error) if error.to_string() == "CaUsedAsEndEntity")
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
            Wrong::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                "its certificate names no host (it has no subjectAltName)"
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => "its certificate is for another host",
            Wrong::BadSignature => {
                "its certificate is not signed by the trusted CA of that name; give its CA with --cacert FILE"
            }
            Wrong::Revoked => "its certificate was revoked",
            wrong if is_of_authority(wrong) => {
                "its certificate is that of an authority (CA:TRUE); if it signs itself, give it with --cacert FILE"
            }
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
