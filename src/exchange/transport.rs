//! Sends bytes and receives bytes over one pool of connections.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use http_body_util::Full;

use super::connection::Connection;
use super::proxy::Proxy;
use super::raw::Raw;
use super::reason::{broken_reason, connect_reason, innermost};
use super::reuse::Reuse;
use super::{Credentials, ExchangeObserver, Pacing, Rate, Recorded, Request, Response, TransportError};

/// The largest body that is read, in bytes: a page of 100 offerings with 100 products of 255 characters each is under
/// 3 MiB. Parsed JSON may take twenty times as much memory.
const MAX_BODY: usize = 4 << 20;

/// The headers of every request that does not set them. Without `accept-encoding` a server may compress its responses.
const DEFAULT_HEADERS: [(HeaderName, &str); 3] = [
    (ACCEPT, "*/*"),
    (ACCEPT_ENCODING, "identity"),
    (USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"))),
];

/// The URL of the server under test: scheme, host, port and base path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    base: String,
    host: String,
}

impl Target {
    /// Parses a target URL. A URL without a path gets `base_path`, the path of the document's server, such as `/v4`.
    ///
    /// # Errors
    /// [`TransportError::BadTarget`] for another scheme than http or https, credentials, a query or a fragment.
    pub fn parse(url: &str, base_path: &str) -> Result<Self, TransportError> {
        let bad = |reason: String| TransportError::BadTarget { url: url.to_owned(), reason };
        let parsed = reqwest::Url::parse(url.trim())
            .map_err(|error| bad(format!("{error}; write it like http://127.0.0.1:4010/v4")))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(bad("it is not an http or https URL; write it like http://127.0.0.1:4010/v4".into()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("it contains credentials; give the key with QONFORM_TOKEN instead".into()));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("a base URL has no query and no fragment; remove them".into()));
        }
        if parsed.scheme() == "https" && cfg!(not(feature = "tls")) {
            return Err(bad("this build has no TLS; build it with the feature `tls`".into()));
        }
        let origin = parsed.origin().ascii_serialization();
        let path = match parsed.path().trim_end_matches('/') {
            "" => base_path.trim_end_matches('/'),
            path => path,
        };
        Ok(Self { base: format!("{origin}{path}"), host: parsed.host_str().unwrap_or_default().to_owned() })
    }

    /// The base URL without a trailing slash; the path of a request is appended to it unchanged.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The host name.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// How requests are sent.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Maximum time for one response, from the first byte sent to the last byte read.
    pub timeout: Duration,
    /// Maximum time for opening a connection.
    pub connect_timeout: Duration,
    /// The maximum rate, or `None` for no limit.
    pub rate: Option<Rate>,
    /// Maximum time that one request waits in all after 429 and 503, and while the target does not respond.
    pub max_wait: Duration,
    /// Headers added to every request; values may contain `$NAME`s of secrets.
    pub headers: Vec<(String, String)>,
    /// The certificates that an encrypted connection trusts.
    pub trust: Trust,
    /// Observers of every exchange.
    pub observers: Vec<Arc<dyn ExchangeObserver>>,
}

/// The certificates that are accepted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those signed by one of these certificate authorities, in PEM.
    Authorities(Vec<u8>),
    /// Any: whichever server responds receives the key.
    Any,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            rate: None,
            max_wait: Duration::from_mins(1),
            headers: Vec::new(),
            trust: Trust::System,
            observers: Vec::new(),
        }
    }
}

/// The connections to one target, shared by every client of a run.
///
/// reqwest sends the URLs that its URL type does not rewrite, hyper those that it would (`/..`, `%2e`, a backslash, raw
/// UTF-8), so that every URL arrives unchanged. Redirects are never followed.
#[derive(Debug)]
pub struct Transport {
    target: Target,
    settings: TransportSettings,
    pacing: Pacing,
    pooled: reqwest::Client,
    /// Opens a connection for each request.
    single: reqwest::Client,
    reuse: Reuse,
    raw: Raw,
    proxy: Option<String>,
}

impl Transport {
    /// Prepares connections to `target`; none is opened yet.
    ///
    /// # Errors
    /// [`TransportError::BadClient`] when TLS cannot be set up.
    pub fn new(target: Target, settings: TransportSettings) -> Result<Self, TransportError> {
        let proxy = Proxy::of(&target.base)?;
        let client = |idle| client(&settings, proxy.is_some(), idle);
        let (pooled, single) = (client(usize::MAX)?, client(0)?);
        Ok(Self {
            raw: Raw::new(&settings, &target.base, proxy.as_ref())?,
            proxy: proxy.map(|proxy| proxy.name()),
            pacing: Pacing::new(settings.rate),
            target,
            settings,
            pooled,
            single,
            reuse: Reuse::default(),
        })
    }

    /// Host and port of the proxy, or `None`.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// The server under test.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How requests are sent.
    pub fn settings(&self) -> &TransportSettings {
        &self.settings
    }

    /// The rate of all requests.
    pub fn pacing(&self) -> &Pacing {
        &self.pacing
    }

    /// Sends one request of a case (`None` outside cases) once, secrets filled in from `keys`, and reads the whole
    /// response. Also returns how long that took. [`Self::pacing`] delays requests before they come here.
    pub(super) async fn send(
        &self,
        request: &Request,
        keys: &Credentials,
        case: Option<&str>,
        connection: Option<&Connection>,
    ) -> Result<(Response, Duration), TransportError> {
        let (started, clock) = (SystemTime::now(), Instant::now());
        let sent = match connection.filter(|connection| self.reuse.is_safe() || !connection.is_used()) {
            Some(connection) if connection.is_open().await => Box::pin(self.send_over(connection, request, keys)).await,
            // On the heap: the futures of the HTTP libraries are large, and those of a case enclose them.
            _ => Box::pin(self.send_now(request, keys)).await,
        };
        self.reuse.count(&sent);
        let took = clock.elapsed();
        for observer in &self.settings.observers {
            let base = &self.target.base;
            observer.record(&Recorded { base, case, request, response: sent.as_ref(), started, took, keys });
        }
        sent.map(|response| (response, took))
    }

    async fn send_now(&self, request: &Request, keys: &Credentials) -> Result<Response, TransportError> {
        let url = format!("{}{}", self.target.base, request.path);
        let sent = match reqwest::Url::parse(&url) {
            Ok(parsed) if parsed.as_str() == url => self.send_url(parsed, request, keys).await,
            _ => self.send_alone(request, keys).await,
        };
        sent.map(|response| response.redacted(keys)).map_err(|failure| self.explain(failure, request))
    }

    /// Opens a connection for one client.
    ///
    /// # Errors
    /// [`TransportError::Connect`] when the target does not accept it.
    pub(super) async fn connect(&self) -> Result<Connection, TransportError> {
        let connect = |reason: String| TransportError::Connect { url: self.target.base.clone(), reason };
        let uri = self.target.base.parse().map_err(|error: http::uri::InvalidUri| connect(error.to_string()))?;
        self.raw.connect(&uri, self.settings.connect_timeout).await.map_err(|failure| match failure {
            SendFailure::Connect(reason) => connect(reason),
            _ => connect("the connection was closed".into()),
        })
    }

    /// Sends over a connection of its own.
    async fn send_alone(&self, request: &Request, keys: &Credentials) -> Result<Response, SendFailure> {
        let mut message = self.message(request, keys)?;
        let limit = self.settings.connect_timeout.min(self.settings.timeout);
        let connection = self.raw.connect(message.uri(), limit).await?;
        self.raw.prepare(&mut message);
        connection.send(message, self.settings.timeout, MAX_BODY).await
    }

    async fn send_over(
        &self,
        connection: &Connection,
        request: &Request,
        keys: &Credentials,
    ) -> Result<Response, TransportError> {
        let sent = match self.message(request, keys) {
            Ok(mut message) => {
                self.raw.prepare(&mut message);
                connection.send(message, self.settings.timeout, MAX_BODY).await
            }
            Err(failure) => Err(failure),
        };
        sent.map(|response| response.redacted(keys)).map_err(|failure| self.explain(failure, request))
    }

    /// The message for hyper, with its whole URL.
    fn message(&self, request: &Request, keys: &Credentials) -> Result<http::Request<Full<Bytes>>, SendFailure> {
        let url = format!("{}{}", self.target.base, request.path);
        let url: Uri = url.parse().map_err(|error| unsendable(&error))?;
        let host = url.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).map_err(|error| unsendable(&error))?;
        let mut message = http::Request::new(Full::from(request.body.clone().unwrap_or_default()));
        *message.method_mut() = request.method.clone();
        *message.headers_mut() = self.headers(request, keys)?;
        message.headers_mut().entry(HOST).or_insert(host);
        *message.uri_mut() = url;
        Ok(message)
    }

    /// The headers of a request without those of the target and its proxy.
    fn headers(&self, request: &Request, keys: &Credentials) -> Result<HeaderMap, SendFailure> {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers.iter().chain(&self.settings.headers) {
            let name = HeaderName::try_from(name).map_err(|error| unsendable(&error))?;
            let value = HeaderValue::from_bytes(keys.fill(value).as_bytes()).map_err(|error| unsendable(&error))?;
            headers.append(name, value);
        }
        for (name, value) in DEFAULT_HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if request.body.is_none() && request.is_write() {
            // Some gateways return 411 to a POST without a content length.
            headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        Ok(headers)
    }

    async fn send_url(
        &self,
        url: reqwest::Url,
        request: &Request,
        keys: &Credentials,
    ) -> Result<Response, SendFailure> {
        let client = if self.reuse.is_safe() { &self.pooled } else { &self.single };
        let mut builder = client.request(request.method.clone(), url).headers(self.headers(request, keys)?);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await?;
        let (status, headers, version) = (response.status().as_u16(), response.headers().clone(), response.version());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(SendFailure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::new(status, headers, body.freeze()).with_version(version))
    }

    fn explain(&self, failure: SendFailure, request: &Request) -> TransportError {
        let (method, path) = (request.method.to_string(), request.path.clone());
        match failure {
            SendFailure::Timeout => TransportError::Timeout { method, path, limit: self.settings.timeout },
            SendFailure::Connect(reason) => TransportError::Connect { url: self.target.base.clone(), reason },
            SendFailure::TooLarge => TransportError::TooLarge { method, path, limit: MAX_BODY },
            SendFailure::Broken(reason) => TransportError::Broken { method, path, reason },
            SendFailure::Unsendable(reason) => TransportError::Unsendable { method, path, reason },
        }
    }
}

/// A client that keeps `idle` connections.
fn client(settings: &TransportSettings, has_proxy: bool, idle: usize) -> Result<reqwest::Client, TransportError> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(settings.timeout)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(idle)
        .tcp_nodelay(true);
    if !has_proxy {
        builder = builder.no_proxy();
    }
    #[cfg(feature = "tls")]
    {
        let mut tls = super::tls::config(&settings.trust)?;
        // The target chooses the version. hyper sends its requests by HTTP/1.1.
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().map_err(|error| TransportError::BadClient { reason: innermost(&error) })
}

/// What failed in the HTTP libraries.
pub(super) enum SendFailure {
    Timeout,
    Connect(String),
    Broken(String),
    Unsendable(String),
    TooLarge,
}

impl From<reqwest::Error> for SendFailure {
    /// The order matters: a timeout while reading the body is both a timeout and a decoding error.
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect(connect_reason(&error))
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Unsendable(innermost(&error))
        } else {
            Self::Broken(broken_reason(&error))
        }
    }
}

fn unsendable(error: &dyn std::fmt::Display) -> SendFailure {
    SendFailure::Unsendable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_path_gets_that_of_the_document() {
        let base = |url| Target::parse(url, "/v4").map(|target| target.base);
        assert_eq!(base("http://127.0.0.1:4010"), Ok("http://127.0.0.1:4010/v4".into()));
        assert_eq!(base("http://127.0.0.1:4010/"), Ok("http://127.0.0.1:4010/v4".into()));
        assert_eq!(base("http://[::1]:4010/api/v4/"), Ok("http://[::1]:4010/api/v4".into()));
    }

    #[test]
    fn an_unusable_target_is_an_error_with_a_reason() {
        for (url, part) in [
            ("127.0.0.1:4010", "http"),
            ("ftp://host/v4", "not an http"),
            ("http://user:pw@host/", "credentials"),
            ("http://host/?x=1", "no query"),
        ] {
            let error = Target::parse(url, "/v4").expect_err(url).to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
