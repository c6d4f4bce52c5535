//! Channels to services that may end and be started again.
//!
//! A client of such a service sees `Closed` when it ends, and asks the kernel for a channel to its successor: by a
//! [`Port`], which leads to one service of the SIP's manifest and to no other. [`Reconnecting`] keeps the endpoint from
//! one request to the next, and waits while there is no successor yet.

use alloc::boxed::Box;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use contracts::port::RawEnd;
use contracts::time::sleep_until;
use contracts::{Closed, Contract, Endpoint, Instant, SendFirst};

/// How long a service that has ended is waited for. A supervisor restarts one within less, unless it fails again and again.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The first wait between two looks; it doubles ...
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// ... up to this.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How often [`Reconnecting::request`] asks: a request that ends one service after the other is not to end them all.
const ATTEMPTS: u32 = 2;

/// The right to ask for channels to a service that the manifest uses.
///
/// Holding one proves that the manifest's entry of this number names `C`: only [`crate::manifest!`] makes them.
///
/// ```compile_fail,E0133
/// # use contracts::spec::ping::PingPong;
/// let pong = rt::reconnect::Port::<PingPong>::new("console", 0); // not without `unsafe`
/// ```
pub struct Port<C> {
    service: &'static str,
    index: usize,
    contract: PhantomData<fn() -> C>,
}

impl<C> Clone for Port<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Port<C> {}

impl<C: Contract> Port<C> {
    /// # Safety
    ///
    /// The manifest's `uses` has at `index` the service of this name with the contract `C`.
    #[doc(hidden)]
    pub unsafe fn new(service: &'static str, index: usize) -> Self {
        Port { service, index, contract: PhantomData }
    }

    /// A new channel to whoever provides the service now; none if nobody does, or a limit or memory does not allow it.
    /// Works inside a SIP only.
    pub fn connect(self) -> Option<C::Client> {
        let end = (crate::kernel().port_connect)(self.index);
        // SAFETY: null, or the fresh client's end of a channel of the contract that the manifest has at this index.
        unsafe { end.as_ref().map(|end| C::Client::from_raw(RawEnd::new(end))) }
    }
}

/// Nobody provides a service, and it was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Its name.
    pub service: &'static str,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service '{}' is not running", self.service)
    }
}

impl core::error::Error for Unavailable {}

/// An endpoint in its contract's start state that is replaced when the service has ended.
///
/// Who takes it brings it back to the start state and gives it back by [`Reconnecting::put`], or lets
/// [`Reconnecting::request`] do so. An endpoint that is not given back is lost, and the next is a new one.
pub struct Reconnecting<C: Contract> {
    service: &'static str,
    endpoint: Option<C::Client>,
    connect: Box<dyn FnMut() -> Option<C::Client> + Send>,
    patience: Duration,
    hope: Hope,
}

/// Whether a service that is not there is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    Left,
    /// It was waited for in vain: until it is seen again, one look is enough.
    Lost,
}

impl<C: Contract> Reconnecting<C>
where
    C::Client: SendFirst,
{
    /// Takes charge of a channel that was granted, and of the right to further ones.
    pub fn over(port: Port<C>, endpoint: C::Client) -> Self {
        Reconnecting::new(port.service, endpoint, move || port.connect())
    }

    /// As [`Reconnecting::over`], where channels to the service come from elsewhere.
    pub fn new(
        service: &'static str,
        endpoint: C::Client,
        connect: impl FnMut() -> Option<C::Client> + Send + 'static,
    ) -> Self {
        let connect = Box::new(connect);
        Reconnecting { service, endpoint: Some(endpoint), connect, patience: PATIENCE, hope: Hope::Left }
    }

    /// An endpoint that cannot be replaced.
    pub fn once(service: &'static str, endpoint: C::Client) -> Self {
        Reconnecting::new(service, endpoint, || None).patience(Duration::ZERO)
    }

    /// The same, waiting at most so long for a service that has ended.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The endpoint, or a new one if the peer is gone.
    ///
    /// # Errors
    /// [`Unavailable`] if nobody provides the service, and none came up while it was waited for.
    pub fn take(&mut self) -> Result<C::Client, Unavailable> {
        if let Some(Ok(endpoint)) = self.endpoint.take().map(SendFirst::if_open) {
            return Ok(endpoint);
        }
        let patience = if self.hope == Hope::Left { self.patience } else { Duration::ZERO };
        let deadline = Instant::now() + patience;
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(endpoint) = self.another() {
                self.hope = Hope::Left;
                return Ok(endpoint);
            }
            let now = Instant::now();
            if now >= deadline {
                self.hope = Hope::Lost;
                return Err(Unavailable { service: self.service });
            }
            sleep_until(deadline.min(now + wait));
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// Gives the endpoint back.
    pub fn put(&mut self, endpoint: C::Client) {
        self.endpoint = Some(endpoint);
    }

    /// A further channel to the service, beside this one; none if there is none now.
    pub fn another(&mut self) -> Option<C::Client> {
        (self.connect)()
    }

    /// Has `ask` ask; if the service ends meanwhile, once more, on a channel to its successor. `ask` returns what it was
    /// answered, with the endpoint in the start state again.
    ///
    /// # Errors
    /// As [`Reconnecting::take`], also if the second attempt fails.
    pub fn request<T>(
        &mut self,
        mut ask: impl FnMut(C::Client) -> Result<(C::Client, T), Closed>,
    ) -> Result<T, Unavailable> {
        for _ in 0..ATTEMPTS {
            if let Ok((endpoint, answer)) = ask(self.take()?) {
                self.put(endpoint);
                return Ok(answer);
            }
        }
        Err(Unavailable { service: self.service })
    }
}

impl<C: Contract> fmt::Debug for Reconnecting<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reconnecting").field(&self.service).finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;

    use super::*;
    use contracts::spec::ping::PingPong;
    use contracts::spec::ping::ping_pong::{Client, ClientWaiting, Idle, Server, ServerIdle};

    /// Answers so often, then ends.
    fn serve(mut server: Server<Idle>, times: u64) {
        for _ in 0..times {
            let Ok(ServerIdle::Ping { value, next }) = server.receive() else { return };
            server = next.pong(value);
        }
        // It ends over the next request, as a process does that crashes.
        let _ = server.receive();
    }

    fn ask(client: Client<Idle>) -> Result<(Client<Idle>, u64), Closed> {
        let ClientWaiting::Pong { value, next } = client.ping(7).receive()?;
        Ok((next, value))
    }

    /// A client whose service is started each time that a number comes, to answer so often.
    fn client(incarnations: Receiver<u64>) -> Reconnecting<PingPong> {
        let (client, server) = PingPong::channel().expect("memory");
        thread::spawn(|| serve(server, 1));
        Reconnecting::new("pong", client, move || {
            let times = incarnations.try_recv().ok()?;
            let (client, server) = PingPong::channel().expect("memory");
            thread::spawn(move || serve(server, times));
            Some(client)
        })
    }

    fn started(incarnations: &[u64]) -> (Reconnecting<PingPong>, Sender<u64>) {
        let (start, started) = mpsc::channel();
        incarnations.iter().for_each(|times| start.send(*times).expect("the client is there"));
        (client(started), start)
    }

    #[test]
    fn a_request_goes_to_the_successor_of_a_service_that_has_ended() {
        let (mut pong, _start) = started(&[2, 1]);
        for _ in 0..4 {
            assert_eq!(pong.request(ask), Ok(7));
        }
        let pong = pong.patience(Duration::ZERO).request(ask);
        assert_eq!(pong, Err(Unavailable { service: "pong" }));
    }

    #[test]
    fn a_request_that_ends_each_service_is_made_twice_at_most() {
        let (mut pong, start) = started(&[0, 5]);
        assert_eq!(pong.request(ask), Ok(7));
        assert_eq!(pong.request(ask), Err(Unavailable { service: "pong" }));
        assert_eq!(pong.request(ask), Ok(7), "the one that was left");
        drop(start);
    }

    #[test]
    fn a_service_that_comes_back_late_is_waited_for_once() {
        let (pong, start) = started(&[]);
        let mut pong = pong.patience(Duration::from_secs(60));
        assert_eq!(pong.request(ask), Ok(7));
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            start.send(1).expect("the client waits");
        });
        assert_eq!(pong.request(ask), Ok(7));
        // Nobody starts it any more.
        let mut pong = pong.patience(Duration::from_millis(30));
        assert_eq!(pong.request(ask), Err(Unavailable { service: "pong" }));
        let mut pong = pong.patience(Duration::from_secs(3600));
        assert_eq!(pong.request(ask), Err(Unavailable { service: "pong" }), "it is not waited for again");
    }

    #[test]
    fn an_endpoint_that_cannot_be_replaced_is_used_up() {
        let (client, server) = PingPong::channel().expect("memory");
        drop(server);
        let mut pong = Reconnecting::<PingPong>::once("pong", client);
        assert_eq!(
            pong.take().err().map(|error| std::format!("{error}")),
            Some("the service 'pong' is not running".into())
        );
    }
}
