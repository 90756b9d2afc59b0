//! Targets that speak HTTP/2: what they end a request with is reported in words.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::CertificateParams;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::encrypted::{Authority, run, serve};
use super::fake_server::Reference;
use super::program::KEY;

/// How a server ends each request; the numbers are error codes (RFC 9113, section 7).
#[derive(Clone, Copy, Debug)]
enum End {
    /// `RST_STREAM`.
    Stream(u32),
    /// `GOAWAY`, with a text for people that has the key of the request.
    Connection(u32),
    /// It closes the connection.
    Nothing,
}

/// A server that speaks HTTP/2 only. It ends with the runtime of the test.
async fn start(tls: Option<ServerConfig>, end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => speak(stream, end).await,
                    Some(acceptor) => speak(acceptor.accept(stream).await?, end).await,
                }
            });
        }
    });
    address
}

/// Ends each request until the client closes the connection.
async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, end: End) -> io::Result<()> {
    stream.write_all(&frame(4, 0, &[])).await?;
    stream.flush().await?;
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    if !preface.starts_with(b"PRI * HTTP/2.0\r\n") {
        // PROTOCOL_ERROR; closing at once could discard it.
        stream.write_all(&frame(7, 0, &[0, 0, 0, 0, 0, 0, 0, 1])).await?;
        return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ());
    }
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let bytes = match (head[3], end) {
            (1, End::Stream(code)) => frame(3, id, &code.to_be_bytes()),
            (1, End::Connection(code)) => {
                let text = format!("for \u{1b}[2J {KEY}");
                frame(7, 0, &[&0_u32.to_be_bytes(), &code.to_be_bytes(), text.as_bytes()].concat())
            }
            (1, End::Nothing) => return Ok(()),
            // The settings of the client are acknowledged.
            (4, _) if head[4] == 0 => vec![0, 0, 0, 4, 1, 0, 0, 0, 0],
            _ => continue,
        };
        stream.write_all(&bytes).await?;
        stream.flush().await?;
    }
}

/// A frame without flags.
fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&size[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_http2_are_shown_in_words() {
    let reference = Reference::start();
    let authority = Authority::new("authority");
    let unchanged = |_: &mut CertificateParams| {};
    for (end, said) in [
        (
            End::Stream(7),
            "the server ended the response (HTTP/2 RST_STREAM): REFUSED_STREAM: it did not process the request",
        ),
        (End::Stream(13), "HTTP_1_1_REQUIRED: it does not accept HTTP/2 for this request"),
        (End::Stream(3), "the server ended the response (HTTP/2 RST_STREAM): flow-control protocol violated"),
        (End::Stream(99), "the server ended the response (HTTP/2 RST_STREAM): unknown reason"),
        (End::Connection(11), "(HTTP/2 GOAWAY): ENHANCE_YOUR_CALM: too many requests; use a lower --rate"),
        (End::Connection(2), "the server ended the connection (HTTP/2 GOAWAY): INTERNAL_ERROR: it failed"),
        (End::Connection(0), "NO_ERROR: it shuts down, or does not want the request"),
        (End::Nothing, "the server closed the connection before it completed the response"),
    ] {
        let config = authority.server(&["localhost"], unchanged, &["h2"]);
        let address = start(Some(config), end).await;
        let target = format!("https://localhost:{}/v4", address.port());
        let ran = run(&reference, target, Some(&authority.pem), &["--only", "get.*", "--layer", "scenario"]).await;
        ran.is_sane(3, Duration::from_mins(1)).says("the target could not be tested").says(said);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_speaks_only_http2_is_tested_by_tls() {
    let reference = Reference::start();
    let (before, authority) = (reference.state(), Authority::new("authority"));
    let plain = start(None, End::Nothing).await;
    let ran = run(&reference, format!("http://{plain}/v4"), None, &["--only", "get.*"]).await;
    ran.is_sane(3, Duration::from_mins(1)).says("it speaks only HTTP/2, give its https:// address or a proxy");
    let config = authority.server(&["localhost"], |_| {}, &["h2"]);
    let (address, versions) = serve(config, reference.address, true).await;
    let target = format!("https://localhost:{}/v4", address.port());
    let ran = run(&reference, target, Some(&authority.pem), &["--effort", "quick"]).await;
    ran.is_sane(0, Duration::from_mins(2));
    assert_eq!(*versions.lock().unwrap(), ["HTTP/2.0".to_owned()].into());
    assert_eq!(reference.state(), before);
}
