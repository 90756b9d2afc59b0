//! Servers below HTTP: they receive every byte and may return any bytes, or none.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Whether a connection stays open.
pub(crate) enum Next {
    Stay,
    Close,
}

/// A server whose responses come from a function, with one thread per connection. It ends with the process of the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(response: impl Fn(&Seen, &mut TcpStream) -> io::Result<Next> + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", response).expect("a free port")
    }

    pub(crate) fn on(
        address: &str,
        response: impl Fn(&Seen, &mut TcpStream) -> io::Result<Next> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (seen, response) = (Arc::new(Mutex::new(Vec::new())), Arc::new(response));
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, response) = (Arc::clone(&noted), Arc::clone(&response));
                thread::spawn(move || serve(stream, &noted, &*response));
            }
        });
        Ok(Self { address, seen })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v4", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Seen>>, response: &dyn Fn(&Seen, &mut TcpStream) -> io::Result<Next>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Ok(request) = read(&mut reader) {
        seen.lock().unwrap().push(request.clone());
        match response(&request, &mut writer) {
            Ok(Next::Stay) => {}
            // The client closed the connection, which is allowed.
            Ok(Next::Close) | Err(_) => break,
        }
    }
    let _ = writer.shutdown(std::net::Shutdown::Both);
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Seen> {
    let head = read_head(reader)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut body = vec![0; header(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Seen { method, path, head, body })
}

fn read_head(reader: &mut impl io::BufRead) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The value of a header in a head.
pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// A complete JSON response.
pub(crate) fn json(status: &str, body: &str) -> Vec<u8> {
    response(status, "content-type: application/json\r\n", body.as_bytes())
}

/// A complete response with these header lines.
pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The same bytes for every request.
pub(crate) fn always(bytes: Vec<u8>) -> Server {
    Server::start(move |_, stream| stream.write_all(&bytes).map(|()| Next::Stay))
}

/// The reference server in its own process.
pub(crate) struct Reference {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The variables that it prints for a run.
    pub(crate) variables: Vec<(String, String)>,
}

impl Reference {
    pub(crate) fn start() -> Self {
        Self::with_faults(&[])
    }

    /// One with these faults.
    pub(crate) fn with_faults(faults: &[&str]) -> Self {
        Self::with(&faults.iter().flat_map(|fault| ["--fault", fault]).collect::<Vec<_>>())
    }

    /// One with these flags of `qonform serve`.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qonform"))
            .args(["serve", "--port", "0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut variables = Vec::new();
        for line in lines.by_ref() {
            if let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) {
                let value = value.split("     ").next().unwrap_or_default().split("    #").next().unwrap_or_default();
                variables.push((name.to_owned(), value.trim().trim_matches('\'').to_owned()));
            } else if !variables.is_empty() {
                break;
            }
        }
        let address = variables[0].1.trim_start_matches("http://").trim_end_matches("/v4").parse().expect("an address");
        Self { child, address, variables }
    }

    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables.iter().find(|(known, _)| known == name).expect("a printed variable").1
    }

    /// Every regular offering of a key's project as JSON, in the list's order.
    pub(crate) fn list(&self, key: &str) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let request = format!(
                "GET /v4/offerings?limit=100{cursor} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            );
            let (head, body) = exchange(self.address, request.as_bytes()).expect("the reference server returns");
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let page: serde_json::Value = serde_json::from_slice(&body).expect("a page is JSON");
            all.extend(page["data"].as_array().expect("a list").iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            let last = all.last().expect("a page that has more is not empty")["id"].as_str().expect("an id").to_owned();
            cursor = format!("&starting_after={}", last.replace(' ', "%20"));
        }
    }

    /// State that no run may change: all offerings of all projects; a main may have another `updated_at`.
    pub(crate) fn state(&self) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        for key in ["QONFORM_TOKEN", "QONFORM_SECOND_TOKEN", "QONFORM_EMPTY_TOKEN"] {
            for mut offering in self.list(self.variable(key)) {
                if offering["tag"] == 1 {
                    offering["updated_at"] = serde_json::Value::Null;
                }
                all.push(offering);
            }
        }
        all
    }

    /// Its address, for proxies that outlive the test.
    pub(crate) fn upstream(&self) -> Upstream {
        Upstream(self.address)
    }
}

/// The target of a proxy. It keeps no process alive.
#[derive(Clone, Copy)]
pub(crate) struct Upstream(SocketAddr);

impl Upstream {
    /// Forwards a request and returns head and body of the response.
    pub(crate) fn forward(&self, seen: &Seen) -> io::Result<(String, Vec<u8>)> {
        let end = seen.head.len() - 2;
        let mut bytes = format!("{}connection: close\r\n\r\n", &seen.head[..end]).into_bytes();
        bytes.extend_from_slice(&seen.body);
        exchange(self.0, &bytes)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader)?;
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    Ok((head, body))
}

/// A proxy of the reference server that may read requests and change responses.
pub(crate) fn in_front_of(
    reference: &Reference,
    change: impl Fn(&Seen, String, Vec<u8>) -> (String, Vec<u8>) + Send + Sync + 'static,
) -> Server {
    let upstream = reference.upstream();
    Server::start(move |seen, stream| {
        let (head, body) = upstream.forward(seen)?;
        let (head, body) = change(seen, head, body);
        pass_on(stream, &head, &body)
    })
}

/// Writes a response whose head belongs to a connection that closes.
pub(crate) fn pass_on(stream: &mut TcpStream, head: &str, body: &[u8]) -> io::Result<Next> {
    let kept: String = head
        .trim_end()
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let mut bytes = format!("{kept}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    Ok(Next::Stay)
}
