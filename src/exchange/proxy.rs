//! The proxy between this machine and a target.

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::TransportError;

/// A proxy that a variable names.
#[derive(Clone, Debug)]
pub(super) struct Proxy(Intercept);

impl Proxy {
    /// The proxy that the usual variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) name for this target.
    /// Loopback addresses never use a proxy.
    ///
    /// # Errors
    /// [`TransportError::BadClient`] for a kind of proxy that is not supported.
    pub(super) fn of(base: &str) -> Result<Option<Self>, TransportError> {
        Self::among(&Matcher::from_env(), base)
    }

    pub(super) fn among(proxies: &Matcher, base: &str) -> Result<Option<Self>, TransportError> {
        let Ok(uri) = base.parse::<Uri>() else { return Ok(None) };
        if is_loopback(base) {
            return Ok(None);
        }
        let Some(proxy) = proxies.intercept(&uri) else { return Ok(None) };
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            return Err(TransportError::BadClient {
                reason: format!(
                    "the proxy {} is not an HTTP proxy; name one in HTTP_PROXY or HTTPS_PROXY, or add {} to NO_PROXY",
                    shown(proxy.uri()),
                    uri.host().unwrap_or_default()
                ),
            });
        }
        Ok(Some(Self(proxy)))
    }

    pub(super) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// The value of `Proxy-Authorization`, if the variable contains credentials.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }

    /// Host and port.
    pub(super) fn name(&self) -> String {
        self.uri().authority().map(ToString::to_string).unwrap_or_default()
    }
}

/// A URL without credentials.
fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", uri.scheme_str().unwrap_or_default())
}

/// Why a proxy opened no tunnel, in place of the words of the library; `None` for other errors.
pub(super) fn explain(innermost: &str) -> Option<String> {
    let reason = match innermost.strip_prefix("tunnel error: ")? {
        "proxy authorization required" => {
            "it requires a user and a password; write them in HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT"
        }
        "unsuccessful" => "it refuses CONNECT to this host and port",
        "unexpected end of file" => "it closed the connection",
        other => other,
    };
    Some(format!("the proxy opened no tunnel: {reason}"))
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
    use hyper_util::client::proxy::matcher::Builder;

    use super::*;

    fn proxy(variables: Builder, base: &str) -> Result<Option<String>, String> {
        Proxy::among(&variables.build(), base).map(|found| found.map(|proxy| proxy.name())).map_err(|e| e.to_string())
    }

    #[test]
    fn only_remote_targets_have_a_proxy_and_it_speaks_http() {
        let all = |url: &str| Matcher::builder().all(url.to_owned());
        let name = Ok(Some("proxy.example:3128".to_owned()));
        assert_eq!(proxy(all("http://user:pw@proxy.example:3128"), "http://api.example/v4"), name);
        assert_eq!(proxy(all("https://proxy.example:3128"), "https://api.example/v4"), name);
        assert_eq!(proxy(all("http://proxy.example:3128"), "http://127.0.0.1:4010/v4"), Ok(None));
        assert_eq!(proxy(all("http://proxy.example:3128").no("api.example"), "http://api.example/v4"), Ok(None));
        let error = proxy(all("socks5://user:pw@proxy.example:1080"), "http://api.example/v4").unwrap_err();
        assert!(error.contains("socks5://proxy.example:1080") && error.contains("NO_PROXY"), "{error}");
        assert!(!error.contains("pw"), "{error}");
    }

    #[test]
    fn a_refused_tunnel_is_named_in_words() {
        for (library, said) in [
            ("tunnel error: unsuccessful", "refuses CONNECT"),
            ("tunnel error: proxy authorization required", "USER:PASSWORD"),
            ("tunnel error: missing destination host", "missing destination host"),
        ] {
            let reason = explain(library).unwrap_or_default();
            assert!(reason.starts_with("the proxy opened no tunnel: ") && reason.contains(said), "{reason}");
        }
        assert_eq!(explain("connection refused"), None);
    }

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
