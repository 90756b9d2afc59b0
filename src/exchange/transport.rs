//! Bytes out and bytes in, over one pool of connections.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use http_body_util::Full;

use super::raw::{self, Raw};
use super::{Credentials, ExchangeObserver, Pacing, Rate, Recorded, Request, Response, TransportError};

/// The largest body that is read: a page of 100 offerings with 100 products of 255 characters each is under 3 MiB. As
/// parsed JSON it may take twenty times as much.
const MAX_BODY: usize = 4 << 20;

/// Where the server under test is: scheme, host, port and base path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    base: String,
    host: String,
}

impl Target {
    /// Reads a target URL. Without a path, `base_path` (that of the document's server, `/v4`) is added.
    ///
    /// # Errors
    /// [`TransportError::BadTarget`] for another scheme, credentials, a query or a fragment in it.
    pub fn parse(url: &str, base_path: &str) -> Result<Self, TransportError> {
        let bad = |reason: String| TransportError::BadTarget { url: url.to_owned(), reason };
        let parsed = reqwest::Url::parse(url.trim())
            .map_err(|error| bad(format!("{error}; write it like http://127.0.0.1:4010/v4")))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(bad("it is not an http or https URL; write it like http://127.0.0.1:4010/v4".into()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("it holds credentials; give the key by QONFORM_TOKEN instead".into()));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("a base URL has no query and no fragment".into()));
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

    /// The base URL without a trailing slash; an operation's path is appended to it as it is.
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
    /// Limit for one response, from the first byte sent to the last byte read.
    pub timeout: Duration,
    /// Limit for opening a connection.
    pub connect_timeout: Duration,
    /// The pace, or `None` for as fast as possible.
    pub rate: Option<Rate>,
    /// How long 429 and 503 are waited out in all, per request.
    pub patience: Duration,
    /// Headers added to every request; values may hold `$NAME`s of secrets.
    pub headers: Vec<(String, String)>,
    /// Whom an encrypted connection trusts.
    pub trust: Trust,
    /// Who is shown every exchange.
    pub recorders: Vec<Arc<dyn ExchangeObserver>>,
}

/// Whose certificates are taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Those that this machine trusts.
    #[default]
    Machine,
    /// Those signed by one of these certificates, in PEM.
    Only(Vec<u8>),
    /// Any: whichever server responds gets the key.
    Anybody,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            rate: None,
            patience: Duration::from_mins(1),
            headers: Vec::new(),
            trust: Trust::Machine,
            recorders: Vec::new(),
        }
    }
}

/// The connections to one target, shared by every client of a run.
///
/// Two libraries share the work: reqwest sends what its URL type leaves alone, hyper what it would rewrite (`/..`,
/// `%2e`, a backslash, raw UTF-8), so that what arrives is what was meant. Redirects are never followed.
#[derive(Debug)]
pub struct Transport {
    target: Target,
    settings: TransportSettings,
    pacing: Pacing,
    client: reqwest::Client,
    raw: Raw,
    proxy: Option<String>,
}

impl Transport {
    /// Prepares connections to `target`; none is opened yet.
    ///
    /// # Errors
    /// [`TransportError::BadClient`] when the TLS set-up of this machine cannot be used.
    pub fn new(target: Target, settings: TransportSettings) -> Result<Self, TransportError> {
        let proxy = raw::proxy_for(&target.base, &target.host);
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true);
        if proxy.is_none() {
            builder = builder.no_proxy();
        }
        #[cfg(feature = "tls")]
        {
            let mut tls = super::tls::config(&settings.trust)?;
            // The target chooses. What goes out unchanged over hyper stays with HTTP/1.1, which has words for it.
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            builder = builder.tls_backend_preconfigured(tls);
        }
        let client = builder.build().map_err(|error| TransportError::BadClient { reason: innermost(&error) })?;
        Ok(Self {
            raw: Raw::new(&settings, proxy.as_ref())?,
            // Without the credentials that the variable may hold.
            proxy: proxy.and_then(|proxy| Some(proxy.uri().authority()?.to_string())),
            pacing: Pacing::new(settings.rate),
            target,
            settings,
            client,
        })
    }

    /// Host and port of the proxy in between, or `None`.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Where it sends to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How it sends.
    pub fn settings(&self) -> &TransportSettings {
        &self.settings
    }

    /// Sends one request of a case (if it is of one) once, secrets filled in from `keys`, and reads the whole response.
    /// Says too how long that took, waiting for the pace apart.
    pub(super) async fn send(
        &self,
        request: &Request,
        keys: &Credentials,
        case: Option<&str>,
    ) -> Result<(Response, Duration), TransportError> {
        self.pacing.wait().await;
        let (started, clock) = (SystemTime::now(), Instant::now());
        let sent = self.send_now(request, keys).await;
        let took = clock.elapsed();
        for recorder in &self.settings.recorders {
            let base = &self.target.base;
            recorder.record(&Recorded { base, case, request, response: sent.as_ref(), started, took, keys });
        }
        sent.map(|response| (response, took))
    }

    async fn send_now(&self, request: &Request, keys: &Credentials) -> Result<Response, TransportError> {
        let url = format!("{}{}", self.target.base, request.path);
        let sent = match reqwest::Url::parse(&url) {
            Ok(parsed) if parsed.as_str() == url => self.send_url(parsed, request, keys).await,
            _ => self.send_raw(&url, request, keys).await,
        };
        sent.map(|response| response.redacted(keys)).map_err(|failure| self.explain(failure, request))
    }

    async fn send_url(
        &self,
        url: reqwest::Url,
        request: &Request,
        keys: &Credentials,
    ) -> Result<Response, SendFailure> {
        let mut builder = self.client.request(request.method.clone(), url);
        for (name, value) in request.headers.iter().chain(&self.settings.headers) {
            builder = builder.header(name, keys.fill(value).as_bytes());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        } else if request.is_write() {
            // Some gateways response 411 to a POST without any length.
            builder = builder.header("content-length", "0");
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
        Ok(Response::new(status, headers, body.freeze()).by(version))
    }

    async fn send_raw(&self, url: &str, request: &Request, keys: &Credentials) -> Result<Response, SendFailure> {
        let mut builder = http::Request::builder().method(request.method.clone()).uri(url).header("accept", "*/*");
        for (name, value) in request.headers.iter().chain(&self.settings.headers) {
            builder = builder.header(name, keys.fill(value).as_bytes());
        }
        let message = builder
            .body(Full::from(request.body.clone().unwrap_or_default()))
            .map_err(|error| SendFailure::Unsendable(error.to_string()))?;
        self.raw.send(message, self.settings.timeout, MAX_BODY).await
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

/// What went wrong below, before it is put into words.
pub(super) enum SendFailure {
    Timeout,
    Connect(String),
    Broken(String),
    Unsendable(String),
    TooLarge,
}

impl From<reqwest::Error> for SendFailure {
    /// In this order: a time-out while reading the body is both a time-out and a decoding error.
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect(why_unconnected(&error))
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Unsendable(innermost(&error))
        } else {
            Self::Broken(innermost(&error))
        }
    }
}

/// Why no connection was opened: what is wrong with the certificate, or the last cause.
pub(super) fn why_unconnected(error: &(dyn std::error::Error + 'static)) -> String {
    #[cfg(feature = "tls")]
    if let Some(told) = super::tls::explain(error) {
        return told;
    }
    innermost(error)
}

/// The last cause of a chain: "connection refused" rather than "error sending request".
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
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
    fn a_target_that_cannot_be_used_is_refused_with_a_reason() {
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
