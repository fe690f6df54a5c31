//! A relay that forgets idle connections, as load balancers and NAT gateways do.

use std::{
    net::{SocketAddr, TcpListener as StdListener},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use url::Url;

/// Passes bytes on to another server. A connection that was idle for too long is reset when its client writes
/// again. The client sees no close before that: a frozen Lambda function would not, either.
pub struct Relay {
    address: SocketAddr,
    to: SocketAddr,
    forgets_after: Duration,
    running: JoinHandle<()>,
}

impl Relay {
    #[must_use]
    pub fn start(to: &Url, forgets_after: Duration) -> Self {
        let listener = StdListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, to) = (listener.local_addr().unwrap(), to.socket_addrs(|| None).unwrap()[0]);
        Self { address, to, forgets_after, running: tokio::spawn(serve(listener, to, forgets_after)) }
    }

    #[must_use]
    pub fn url(&self) -> Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    /// Closes the port and every connection, until [`open`](Self::open).
    pub async fn close(&mut self) {
        self.running.abort();
        let _ = (&mut self.running).await;
    }

    /// Opens the same port again.
    pub fn open(&mut self) {
        let listener = StdListener::bind(self.address).unwrap();
        self.running = tokio::spawn(serve(listener, self.to, self.forgets_after));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn serve(listener: StdListener, to: SocketAddr, forgets_after: Duration) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    // Its tasks end with it.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(relay(client, to, forgets_after));
    }
}

async fn relay(mut client: TcpStream, to: SocketAddr, forgets_after: Duration) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let (mut up, mut down) = (vec![0; 1 << 14], vec![0; 1 << 14]);
    let mut used = Instant::now();
    loop {
        tokio::select! {
            ready = client.readable() => {
                // Closing a connection with unread bytes resets it.
                if ready.is_err() || used.elapsed() > forgets_after {
                    return;
                }
                match client.try_read(&mut up) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    Ok(read @ 1..) if server.write_all(&up[..read]).await.is_ok() => {}
                    Ok(_) | Err(_) => return,
                }
            }
            read = server.read(&mut down) => match read {
                Ok(read @ 1..) if client.write_all(&down[..read]).await.is_ok() => {}
                Ok(_) | Err(_) => return,
            },
        }
        used = Instant::now();
    }
}
