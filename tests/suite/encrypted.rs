//! Targets behind TLS: trust, certificate errors, and both versions of HTTP.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fake_server::Reference;
use super::program::{Ran, TempFolder, end, qonform};

/// A certificate authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as `--cacert` reads it.
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate with these `names` that signs itself, with the TLS settings of its server.
    fn self_signed(names: &[&str], is_ca: IsCa) -> (String, ServerConfig) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), config(certificate.der().clone(), &key, &["http/1.1"]))
    }

    /// TLS settings of a server with these `names` and protocols.
    pub(super) fn server(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        speaks: &[&str],
    ) -> ServerConfig {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        config(certificate.der().clone(), &key, speaks)
    }
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair, speaks: &[&str]) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = speaks.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// The HTTP versions of the received requests.
pub(super) type Versions = Arc<Mutex<BTreeSet<String>>>;

/// A TLS server that forwards requests to `upstream`, and may speak HTTP/2 only. It ends with the runtime of the test.
pub(super) async fn serve(config: ServerConfig, upstream: SocketAddr, is_strict: bool) -> (SocketAddr, Versions) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let seen = Versions::default();
    let versions = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, client, versions) = (acceptor.clone(), client.clone(), Arc::clone(&versions));
            tokio::spawn(async move {
                // A client that does not trust the certificate disconnects here.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request: Request<Incoming>| {
                    versions.lock().unwrap().insert(format!("{:?}", request.version()));
                    let client = client.clone();
                    async move { Ok::<_, Infallible>(pass_on(&client, upstream, request).await) }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                let server = if is_strict { server.http2_only() } else { server };
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, seen)
}

async fn pass_on(
    client: &Client<HttpConnector, Full<Bytes>>,
    upstream: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("http://{upstream}{path}").parse().unwrap();
    parts.version = Version::HTTP_11;
    forget_connection(&mut parts.headers);
    let Ok(response) = client.request(Request::from_parts(parts, Full::from(body))).await else {
        let mut gone = Response::new(Full::default());
        *gone.status_mut() = StatusCode::BAD_GATEWAY;
        return gone;
    };
    let (mut parts, body) = response.into_parts();
    forget_connection(&mut parts.headers);
    parts.version = Version::default();
    Response::from_parts(parts, Full::from(body.collect().await.unwrap().to_bytes()))
}

/// Removes the headers of a connection.
fn forget_connection(headers: &mut HeaderMap) {
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// Runs the program on a target with the authority `trusted`.
pub(super) async fn run(reference: &Reference, target: String, trusted: Option<&str>, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "71", "--target", &target]).args(more);
    for format in ["json", "har"] {
        command.arg("--report").arg(format!("{format}={}", folder.path().join(format).display()));
    }
    if let Some(pem) = trusted {
        let file = folder.path().join("ca.pem");
        fs::write(&file, pem).unwrap();
        command.arg("--cacert").arg(file);
    }
    tokio::task::spawn_blocking(move || end(command, folder)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correct_server_behind_tls_passes_with_both_http_versions() {
    let reference = Reference::start();
    let before = reference.state();
    let authority = Authority::new("authority");
    let names = ["localhost", "127.0.0.1"];
    for (speaks, by, host) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0", "localhost"),
        (&["http/1.1"], "HTTP/1.1", "127.0.0.1"),
        (&[], "HTTP/1.1", "localhost"),
    ] {
        let config = authority.server(&names, |_| {}, speaks);
        let (address, versions) = serve(config, reference.address, false).await;
        let target = format!("https://{host}:{}/v4", address.port());
        let only = ["--only", "create.*,get.*,update.*,delete.*,set-main.*"];
        let ran = run(&reference, target, Some(&authority.pem), &[&only[..], &["--record-all"]].concat()).await;
        assert_eq!(ran.code, Some(0), "{speaks:?}: {}{}", ran.stdout, ran.stderr);
        let summary = &ran.json()["summary"];
        assert_eq!((&summary["inconclusive"], &summary["violated"]), (&0.into(), &0.into()), "{speaks:?}");
        assert!(summary["passed"].as_u64() > Some(40), "{speaks:?}: {summary}");
        assert_eq!(*versions.lock().unwrap(), BTreeSet::from([by.to_owned()]), "{speaks:?}");
        let har: serde_json::Value = serde_json::from_str(&ran.report("har")).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap();
        assert!(entries.iter().all(|entry| entry["response"]["httpVersion"] == *by), "{speaks:?}");
    }
    assert_eq!(reference.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untrusted_server_gets_no_request_and_the_reason_is_shown() {
    let reference = Reference::start();
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let long_ago = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    };
    let to_come = |params: &mut CertificateParams| params.not_before = date_time_ymd(2999, 1, 1);
    let right = authority.server(&["localhost"], |_| {}, &["h2"]);
    for (config, trusted, said) in [
        (authority.server(&["elsewhere.example"], |_| {}, &["h2"]), Some(&authority.pem), "is for another host"),
        (authority.server(&["localhost"], long_ago, &["h2"]), Some(&authority.pem), "has expired"),
        (authority.server(&["localhost"], to_come, &["h2"]), Some(&authority.pem), "is not valid yet"),
        (
            right.clone(),
            Some(&stranger.pem),
            "the issuer of its certificate is not trusted; give its CA with --cacert FILE",
        ),
        (right.clone(), None, "certificate"),
    ] {
        let (address, versions) = serve(config, reference.address, false).await;
        let target = format!("https://localhost:{}/v4", address.port());
        let trusted = trusted.map(String::as_str);
        let ran = run(&reference, target, trusted, &["--only", "get.*"]).await;
        ran.is_sane(3, Duration::from_secs(20)).says("connect").says(said);
        assert_eq!(*versions.lock().unwrap(), BTreeSet::new(), "{said}: a request was sent");
    }
    // The user trusts any server; the program warns.
    let (address, versions) = serve(right, reference.address, false).await;
    let target = format!("https://localhost:{}/v4", address.port());
    let ran = run(&reference, target, None, &["--insecure", "--only", "get.*"]).await;
    ran.is_sane(0, Duration::from_mins(1)).says("WARNING: --insecure").says("the certificate was not checked");
    assert!(versions.lock().unwrap().contains("HTTP/2.0"));
    let plain = run(&reference, format!("https://{}/v4", reference.address), None, &["--insecure"]).await;
    plain.is_sane(3, Duration::from_secs(20)).says("it does not support TLS");
}

/// `openssl req -x509` marks the certificate that it makes as that of an authority, and curl accepts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_certificate_that_signs_itself_is_accepted() {
    let reference = Reference::start();
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let (pem, config) = Authority::self_signed(&["localhost"], is_ca);
        let (other, _) = Authority::self_signed(&["localhost"], is_ca);
        let (address, versions) = serve(config, reference.address, false).await;
        let target = format!("https://localhost:{}/v4", address.port());
        let only = ["--only", "get.*", "--layer", "scenario"];
        let ran = run(&reference, target.clone(), Some(&pem), &only).await;
        assert_eq!(ran.code, Some(0), "{is_ca:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!versions.lock().unwrap().is_empty());
        versions.lock().unwrap().clear();
        for trusted in [Some(other.as_str()), None] {
            let ran = run(&reference, target.clone(), trusted, &only).await;
            ran.is_sane(3, Duration::from_secs(20)).says("--cacert FILE");
        }
        // The same certificate for a name that it does not contain.
        let elsewhere = format!("https://127.0.0.1:{}/v4", address.port());
        run(&reference, elsewhere, Some(&pem), &only).await.is_sane(3, Duration::from_secs(20)).says("another host");
        assert_eq!(*versions.lock().unwrap(), BTreeSet::new(), "{is_ca:?}: a request was sent");
    }
    let (pem, config) = Authority::self_signed(&[], IsCa::Ca(BasicConstraints::Unconstrained));
    let (address, _) = serve(config, reference.address, false).await;
    let target = format!("https://localhost:{}/v4", address.port());
    let ran = run(&reference, target, Some(&pem), &["--only", "get.*"]).await;
    ran.is_sane(3, Duration::from_secs(20)).says("names no host");
}
