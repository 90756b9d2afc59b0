//! Connections for requests that are sent unchanged, also those whose path a URL library would rewrite.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::header::PROXY_AUTHORIZATION;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tower_service::Service;

use super::connection::Connection;
use super::proxy::Proxy;
use super::reason::{broken_reason, connect_reason};
use super::transport::{SendFailure, TransportSettings};
use super::{Response, TransportError};

#[cfg(feature = "tls")]
type Encrypted<C> = hyper_rustls::HttpsConnector<C>;
#[cfg(not(feature = "tls"))]
type Encrypted<C> = C;

/// What opens connections to the target.
#[derive(Debug)]
pub(super) enum Raw {
    Direct(Box<Encrypted<HttpConnector>>),
    /// Through a proxy that opens a tunnel (`CONNECT`) to a target with TLS.
    Tunnelled(Box<Encrypted<Tunnel<Encrypted<HttpConnector>>>>),
    /// Through a proxy that reads the requests. Many proxies open no tunnel to a port other than 443.
    Forwarded(Box<Encrypted<HttpConnector>>, Proxy),
}

impl Raw {
    pub(super) fn new(settings: &TransportSettings, base: &str, proxy: Option<&Proxy>) -> Result<Self, TransportError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(settings.connect_timeout));
        let direct = encrypted(plain, settings)?;
        Ok(match proxy {
            None => Self::Direct(Box::new(direct)),
            Some(proxy) if base.starts_with("https:") => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
                if let Some(authorization) = proxy.authorization() {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                Self::Tunnelled(Box::new(encrypted(tunnel, settings)?))
            }
            Some(proxy) => Self::Forwarded(Box::new(direct), proxy.clone()),
        })
    }

    /// Changes a message with a whole URL to one for a connection: a proxy that reads it needs the whole URL and its
    /// authorization, others the path.
    pub(super) fn prepare(&self, message: &mut http::Request<Full<Bytes>>) {
        match self {
            Self::Forwarded(_, proxy) => {
                if let Some(authorization) = proxy.authorization() {
                    message.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
                }
            }
            Self::Direct(_) | Self::Tunnelled(_) => {
                let path = message.uri().path_and_query().cloned();
                *message.uri_mut() = path.map_or_else(Uri::default, Uri::from);
            }
        }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self, url: &Uri, limit: Duration) -> Result<Connection, SendFailure> {
        let opened = async {
            match self {
                Self::Direct(connector) => open((**connector).clone(), url).await,
                Self::Tunnelled(connector) => open((**connector).clone(), url).await,
                Self::Forwarded(connector, proxy) => open((**connector).clone(), proxy.uri()).await,
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
            if error.is::<LengthLimitError>() {
                SendFailure::TooLarge
            } else {
                SendFailure::Broken(broken_reason(&*error))
            }
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

#[cfg(test)]
mod tests {
    use hyper_util::client::proxy::matcher::Matcher;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The head of the request that a proxy, or the target itself, receives for a URL.
    async fn received(path: &str, is_proxied: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let base = if is_proxied { "http://offerings.invalid".to_owned() } else { format!("http://{address}") };
        let proxies = Matcher::builder().http(format!("http://user:pw@{address}")).build();
        let proxy = if is_proxied { Proxy::among(&proxies, &base).expect("an HTTP proxy") } else { None };
        let raw = Raw::new(&TransportSettings::default(), &base, proxy.as_ref()).expect("connectors");
        let seen = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a whole head"));
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("the response is read");
            String::from_utf8_lossy(&head).into_owned()
        });
        let mut message = http::Request::new(Full::default());
        *message.uri_mut() = format!("{base}{path}").parse().expect("a URL");
        let limit = Duration::from_secs(10);
        let connection = raw.connect(message.uri(), limit).await.map_err(|_| "no connection").expect("a connection");
        raw.prepare(&mut message);
        let response = connection.send(message, limit, 1).await.map_err(|_| "no response").expect("a response");
        assert_eq!(response.status, 204);
        seen.await.expect("a request")
    }

    #[tokio::test]
    async fn a_path_is_sent_unchanged_to_a_target_and_to_a_proxy() {
        for path in
            ["/v4/offerings/%2E%2E/x", "/v4/offerings/a\\b?limit=1", "/v4/offerings/é", "/v4/../v4//offerings/."]
        {
            let direct = received(path, false).await;
            assert!(direct.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{direct}");
            let proxied = received(path, true).await;
            assert!(proxied.starts_with(&format!("GET http://offerings.invalid{path} HTTP/1.1\r\n")), "{proxied}");
            assert!(proxied.contains("\r\nproxy-authorization: Basic dXNlcjpwdw==\r\n"), "{proxied}");
        }
    }
}
