//! HTTP/1.1 requests, read from a raw connection, because server frameworks cannot hang, drip or disconnect
//! instead of answering.

use reqwest::Method;
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpStream};

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// The path and query.
    pub path: String,
    /// The names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns the parsed body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Reads the next request. Returns `None` if the connection is closed or the head is malformed. `buffer`
    /// keeps the bytes after the request.
    pub async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Self> {
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            fill(stream, buffer).await?;
        };
        let mut request = Self::parse(std::str::from_utf8(&buffer[..head]).ok()?)?;
        buffer.drain(..head + 4);
        let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        while buffer.len() < length {
            fill(stream, buffer).await?;
        }
        request.body = buffer.drain(..length).collect();
        Some(request)
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.parse().ok()?, first.next()?.to_owned());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Some(Self { method, path, headers: lines.filter_map(header).collect(), body: Vec::new() })
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(buffer).await.ok()? > 0).then_some(())
}
