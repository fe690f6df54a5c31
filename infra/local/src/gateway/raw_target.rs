//! Requests whose path or query is not part of a valid URI.
//!
//! API Gateway passes on a query such as `a="b`, but hyper refuses it before our code. So we escape it in the
//! connection's bytes, and add the original as a header, for [`take`].
//!
//! We look at the first read of a connection, and at the first read after a write, because a client sends its
//! next request after the answer. If a request line does not arrive in one read, or the client does not wait
//! for answers, hyper's own 400 remains.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Uri},
    serve::Listener,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Characters which hyper refuses or cuts off. Bytes outside of ASCII are always escaped.
const REFUSED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`');

/// In bytes: more than hyper's longest request line.
const LARGEST_READ: usize = 1 << 17;

/// Holds the target as the client wrote it, in hexadecimal.
const HEADER: &str = "local-raw-target";

/// Returns the path and query as the client wrote them.
pub(super) fn take(headers: &mut HeaderMap, uri: &Uri) -> (String, String) {
    let Some(target) = headers.remove(HEADER).and_then(|value| hex::decode(value).ok()) else {
        return (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    };
    let target = String::from_utf8_lossy(&target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    (path.to_owned(), query.to_owned())
}

/// A listener whose connections take any target.
pub(super) struct AnyTarget(pub TcpListener);

impl Listener for AnyTarget {
    type Io = Connection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Connection::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

pub(super) struct Connection<S> {
    stream: S,
    /// Whether the next read begins a request.
    is_at_request: bool,
    /// The beginning of a request that the server has not read yet.
    request: Bytes,
}

impl<S> Connection<S> {
    fn new(stream: S) -> Self {
        Self { stream, is_at_request: true, request: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.request.is_empty() {
            if !this.is_at_request {
                return Pin::new(&mut this.stream).poll_read(context, buffer);
            }
            // In a buffer of our own, because hyper first reads only as much as tells HTTP/1 from HTTP/2.
            let mut bytes = vec![0; LARGEST_READ];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            this.request = escape(read.filled()).unwrap_or_else(|| read.filled().to_vec()).into();
            this.is_at_request = false;
        }
        let count = buffer.remaining().min(this.request.len());
        buffer.put_slice(&this.request.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_at_request = true;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_at_request = true;
        Pin::new(&mut this.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Escapes the target of the request that begins with these bytes. Returns `None` if it needs no escape.
fn escape(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|window| window == b"\r\n")?;
    let (line, rest) = bytes.split_at(end);
    let target_start = line.iter().position(|byte| *byte == b' ')? + 1;
    let target_end = line.iter().rposition(|byte| *byte == b' ')?;
    let (target, version) = (line.get(target_start..target_end)?, &line[target_end..]);
    let escaped = percent_encode(target, REFUSED).to_string();
    if escaped.as_bytes() == target || !version.starts_with(b" HTTP/1.") {
        return None;
    }
    let header = format!("\r\n{HEADER}: {}", hex::encode(target));
    Some([&line[..target_start], escaped.as_bytes(), version, header.as_bytes(), rest].concat())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn escaped(request: &[u8]) -> Option<String> {
        escape(request).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn target_that_is_no_uri_is_escaped() {
        for (target, expected) in [
            (&b"/message?a=\"b"[..], "/message?a=%22b"),
            (b"/message?a=<b> c", "/message?a=%3Cb%3E%20c"),
            (b"/message?a=\xe9", "/message?a=%E9"),
            (b"/messages/a\"b#c", "/messages/a%22b%23c"),
        ] {
            let request = [b"GET ", target, b" HTTP/1.1\r\nhost: x\r\n\r\nbody"].concat();
            let raw = hex::encode(target);
            let expected = format!("GET {expected} HTTP/1.1\r\n{HEADER}: {raw}\r\nhost: x\r\n\r\nbody");
            assert_eq!(escaped(&request), Some(expected));
        }
    }

    #[test]
    fn other_bytes_are_unchanged() {
        for request in [
            &b"GET /message?a=%22|{}[]^ HTTP/1.1\r\nhost: x\r\n\r\n"[..],
            b"GET /message?a=\"b HTTP/1.1",
            b"{\"a\": \"b\"}\r\n",
            b"GET\r\n",
            b"GET /\r\n",
            b"",
        ] {
            assert_eq!(escaped(request), None, "{request:?}");
        }
    }

    #[test]
    fn original_is_taken_from_the_header() {
        let uri: Uri = "/message?a=%22".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(take(&mut headers, &uri), ("/message".to_owned(), "a=%22".to_owned()));
        headers.insert(HEADER, hex::encode("/message?a=\"").parse().unwrap());
        assert_eq!(take(&mut headers, &uri), ("/message".to_owned(), "a=\"".to_owned()));
        assert!(headers.is_empty());
    }

    #[tokio::test]
    async fn each_request_of_a_connection_is_escaped() {
        let (mut client, server) = duplex(1 << 16);
        let mut server = Connection::new(server);
        for _ in 0..2 {
            client.write_all(b"GET /\" HTTP/1.1\r\n\r\n").await.unwrap();
            let mut read = [0; 32];
            server.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"GET /%22 HTTP/1.1\r\nlocal-raw-tar");
            let mut rest = vec![0; "get: 2f22\r\n\r\n".len()];
            server.read_exact(&mut rest).await.unwrap();
            assert_eq!(rest, b"get: 2f22\r\n\r\n");
            // A body is not a request.
            client.write_all(b"a \" HTTP/1.1\r\n").await.unwrap();
            let mut body = [0; 14];
            server.read_exact(&mut body).await.unwrap();
            assert_eq!(&body, b"a \" HTTP/1.1\r\n");
            server.write_all(b"answer").await.unwrap();
        }
    }
}
