//! A minimal HTTP/1.1 server side. The proxy needs the raw connection, because server frameworks cannot
//! break off in place of an answer.

use reqwest::{Client, Method, Url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::fault::Answer;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Headers of a single connection or body, not forwarded.
const HOP_BY_HOP_HEADERS: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads the next request; `None` when the connection is closed. `buffer` keeps bytes read beyond it.
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

    pub async fn forward(self, client: &Client, upstream: &Url) -> Result<Answer, reqwest::Error> {
        let url = upstream.join(&self.path).unwrap();
        let mut request = client.request(self.method, url).body(self.body);
        for (name, value) in self.headers.iter().filter(|(name, _)| !HOP_BY_HOP_HEADERS.contains(&name.as_str())) {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(header);
        let headers = headers.filter(|(name, _)| !HOP_BY_HOP_HEADERS.contains(&name.as_str())).collect();
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }
}

impl Answer {
    /// Writes the answer. Returns whether the connection is still usable.
    pub async fn write(&self, stream: &mut TcpStream) -> bool {
        let mut head = format!("HTTP/1.1 {} Injected\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let whole = [head.as_bytes(), &self.body].concat();
        stream.write_all(&whole).await.is_ok()
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}

pub async fn until_closed(stream: &mut TcpStream) {
    let mut sink = Vec::new();
    while fill(stream, &mut sink).await.is_some() {}
}
