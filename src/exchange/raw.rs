//! Requests whose path a URL library would rewrite, sent unchanged.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioExecutor;

use super::transport::{SendFailure, TransportSettings, connect_reason, innermost};
use super::{Response, TransportError};

#[cfg(feature = "tls")]
type Encrypted<C> = hyper_rustls::HttpsConnector<C>;
#[cfg(not(feature = "tls"))]
type Encrypted<C> = C;

/// A pool of connections, either direct or through a proxy (`CONNECT`).
#[derive(Debug)]
pub(super) enum Raw {
    Direct(Client<Encrypted<HttpConnector>, Full<Bytes>>),
    Proxied(Client<Encrypted<Tunnel<HttpConnector>>, Full<Bytes>>),
}

impl Raw {
    pub(super) fn new(settings: &TransportSettings, proxy: Option<&Intercept>) -> Result<Self, TransportError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(settings.connect_timeout));
        Ok(match proxy {
            None => Self::Direct(Client::builder(TokioExecutor::new()).build(encrypted(plain, settings)?)),
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), plain);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                Self::Proxied(Client::builder(TokioExecutor::new()).build(encrypted(tunnel, settings)?))
            }
        })
    }

    /// Sends a message and reads its whole response, with a body of at most `max_body` bytes.
    pub(super) async fn send(
        &self,
        message: http::Request<Full<Bytes>>,
        limit: Duration,
        max_body: usize,
    ) -> Result<Response, SendFailure> {
        let response = async {
            let response = match self {
                Self::Direct(client) => client.request(message).await,
                Self::Proxied(client) => client.request(message).await,
            };
            let response = response.map_err(|error| {
                if error.is_connect() {
                    SendFailure::Connect(connect_reason(&error))
                } else {
                    SendFailure::Broken(innermost(&error))
                }
            })?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = Limited::new(response.into_body(), max_body)
                .collect()
                .await
                .map_err(|error| {
                    if error.is::<LengthLimitError>() {
                        SendFailure::TooLarge
                    } else {
                        SendFailure::Broken(error.to_string())
                    }
                })?
                .to_bytes();
            Ok(Response::new(status, headers, body))
        };
        tokio::time::timeout(limit, response).await.map_err(|_| SendFailure::Timeout)?
    }
}

#[cfg(feature = "tls")]
fn encrypted<C>(connector: C, settings: &TransportSettings) -> Result<Encrypted<C>, TransportError> {
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(super::tls::config(&settings.trust)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector))
}

#[cfg(not(feature = "tls"))]
fn encrypted<C>(connector: C, _settings: &TransportSettings) -> Result<C, TransportError> {
    Ok(connector)
}

/// The proxy that the usual variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) name for this target.
/// Loopback addresses never use a proxy.
pub(super) fn proxy_for(base: &str, host: &str) -> Option<Intercept> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback {
        return None;
    }
    hyper_util::client::proxy::matcher::Matcher::from_env().intercept(&base.parse::<Uri>().ok()?)
}
