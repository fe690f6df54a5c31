//! Restricts callbacks to public addresses.
//!
//! We check a name's addresses inside the resolver that the connection uses, so a second lookup cannot lead
//! elsewhere (DNS rebinding). Private addresses are dropped. An IP address in a URL is not resolved, so we
//! check it beforehand, as normalized by the URL parser.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use url::Host;

use super::public_address::is_public;

/// An address filter, and a resolver that applies it.
#[derive(Clone)]
pub(super) struct Guard {
    names: Arc<dyn Resolve>,
    passes: fn(IpAddr) -> bool,
}

impl Guard {
    /// Allows only public addresses.
    pub(super) fn public() -> Self {
        Self::new(SystemNames, is_public)
    }

    /// Allows every address, for local stacks whose clients run on the same machine.
    pub(super) fn open() -> Self {
        Self::new(SystemNames, |_| true)
    }

    /// Allows only this machine, for stacks that must reach no other. Looks up no name.
    pub(super) fn this_machine() -> Self {
        Self::new(LocalhostOnly, |address| address.is_loopback())
    }

    pub(super) fn new(names: impl Resolve + 'static, passes: fn(IpAddr) -> bool) -> Self {
        Self { names: Arc::new(names), passes }
    }

    /// Returns whether the URL's host is a forbidden IP address.
    pub(super) fn refuses(&self, url: &Url) -> bool {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return false,
        };
        !(self.passes)(address)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, passes) = (self.names.resolve(name), self.passes);
        Box::pin(async move {
            let passed: Vec<SocketAddr> = found.await?.filter(|address| passes(address.ip())).collect();
            if passed.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "no public address").into());
            }
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

struct LocalhostOnly;

impl Resolve for LocalhostOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (name.as_str() == "localhost").then_some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}
