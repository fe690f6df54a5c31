//! The proxy's side of HTTP/1.1, on a raw connection, because server frameworks cannot break it off in place
//! of an answer.

use reqwest::{Client, Url};
use tests::Request;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::fault::Answer;

/// Headers that we do not forward, because they describe a single connection or body.
const HOP_BY_HOP_HEADERS: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

pub async fn forward(request: Request, client: &Client, upstream: &Url) -> Result<Answer, reqwest::Error> {
    let url = upstream.join(&request.path).unwrap();
    let mut forwarded = client.request(request.method, url).body(request.body);
    for (name, value) in request.headers.iter().filter(|(name, _)| !HOP_BY_HOP_HEADERS.contains(&name.as_str())) {
        forwarded = forwarded.header(name, value);
    }
    let response = forwarded.send().await?;
    let status = response.status().as_u16();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(header);
    let headers = headers.filter(|(name, _)| !HOP_BY_HOP_HEADERS.contains(&name.as_str())).collect();
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
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

pub async fn until_closed(stream: &mut TcpStream) {
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
}
