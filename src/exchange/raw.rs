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
use tower_service::Service;

use super::connection::Connection;
use super::transport::{SendFailure, TransportSettings, connect_reason, innermost};
use super::{Response, TransportError};

#[cfg(feature = "tls")]
type Encrypted<C> = hyper_rustls::HttpsConnector<C>;
#[cfg(not(feature = "tls"))]
type Encrypted<C> = C;

/// A pool of connections, and what opens them.
#[derive(Debug)]
pub(super) struct Pool<C> {
    client: Client<Encrypted<C>, Full<Bytes>>,
    connector: Encrypted<C>,
}

/// A pool of connections, either direct or through a proxy (`CONNECT`).
#[derive(Debug)]
pub(super) enum Raw {
    Direct(Box<Pool<HttpConnector>>),
    Proxied(Box<Pool<Tunnel<HttpConnector>>>),
}

impl Raw {
    pub(super) fn new(settings: &TransportSettings, proxy: Option<&Intercept>) -> Result<Self, TransportError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(settings.connect_timeout));
        Ok(match proxy {
            None => {
                let connector = encrypted(plain, settings)?;
                let client = Client::builder(TokioExecutor::new()).build(connector.clone());
                Self::Direct(Box::new(Pool { client, connector }))
            }
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), plain);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                let connector = encrypted(tunnel, settings)?;
                let client = Client::builder(TokioExecutor::new()).build(connector.clone());
                Self::Proxied(Box::new(Pool { client, connector }))
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
                Self::Direct(pool) => pool.client.request(message).await,
                Self::Proxied(pool) => pool.client.request(message).await,
            };
            let response = response.map_err(|error| {
                if error.is_connect() {
                    SendFailure::Connect(connect_reason(&error))
                } else {
                    SendFailure::Broken(innermost(&error))
                }
            })?;
            read(response, max_body).await
        };
        tokio::time::timeout(limit, response).await.map_err(|_| SendFailure::Timeout)?
    }

    /// Opens a connection that is not part of the pool.
    pub(super) async fn connect(&self, uri: &Uri, limit: Duration) -> Result<Connection, SendFailure> {
        let opened = async {
            match self {
                Self::Direct(pool) => open(pool.connector.clone(), uri).await,
                Self::Proxied(pool) => open(pool.connector.clone(), uri).await,
            }
        };
        let too_late = |_| SendFailure::Connect(format!("no connection within {limit:?}"));
        tokio::time::timeout(limit, opened).await.map_err(too_late)?
    }
}

async fn open<C>(mut connector: C, uri: &Uri) -> Result<Connection, SendFailure>
where
    C: Service<Uri>,
    C::Response: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let failed = |error: C::Error| {
        let error: Box<dyn std::error::Error + Send + Sync> = error.into();
        SendFailure::Connect(connect_reason(&*error))
    };
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(failed)?;
    Connection::over(connector.call(uri.clone()).await.map_err(failed)?).await
}

/// Reads a whole response, with a body of at most `max_body` bytes.
pub(super) async fn read(
    response: http::Response<hyper::body::Incoming>,
    max_body: usize,
) -> Result<Response, SendFailure> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = Limited::new(response.into_body(), max_body)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() { SendFailure::TooLarge } else { SendFailure::Broken(error.to_string()) }
        })?
        .to_bytes();
    Ok(Response::new(status, headers, body))
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
    if is_loopback_host(host) {
        return None;
    }
    hyper_util::client::proxy::matcher::Matcher::from_env().intercept(&base.parse::<Uri>().ok()?)
}

/// Whether a base URL names this machine: `localhost` or a loopback address.
pub fn is_loopback(base: &str) -> bool {
    base.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback_host))
}

fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for own in ["http://localhost:4010/v4", "http://127.0.0.1/v4", "http://127.9.9.9:1", "https://[::1]:4010/v4"] {
            assert!(is_loopback(own), "{own}");
        }
        let others = [
            "http://127.0.0.1@example.org/v4",
            "http://localhost.example.org",
            "http://example.org#@127.0.0.1",
            "http://127.0.0.1.example.org/",
            "https://[2001:db8::1]/v4",
            "/v4",
            "",
        ];
        for other in others {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
