//! Where a callback may go: to public addresses only.
//!
//! A name is judged by what it resolves to, inside the resolver that the
//! connection uses, so that it cannot lead elsewhere the second time; of several
//! addresses those are left out that are not public. An address that a URL names
//! outright is not resolved, so it is judged beforehand, in the one spelling that
//! the URL's parser has made of it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use url::Host;

use super::public_address::is_public;

/// Judges addresses, and resolves names to those that pass.
#[derive(Clone)]
pub(super) struct Guard {
    names: Arc<dyn Resolve>,
    passes: fn(IpAddr) -> bool,
}

impl Guard {
    /// Lets public addresses pass.
    pub(super) fn public() -> Self {
        Self::new(SystemNames, is_public)
    }

    /// Lets everything pass, for machines whose clients are on themselves.
    pub(super) fn open() -> Self {
        Self::new(SystemNames, |_| true)
    }

    pub(super) fn new(names: impl Resolve + 'static, passes: fn(IpAddr) -> bool) -> Self {
        Self { names: Arc::new(names), passes }
    }

    /// Whether the URL names an address outright that does not pass.
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

/// Names as the system resolves them.
struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}
