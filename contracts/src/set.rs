//! Waiting on many endpoints: a server and its clients, or unlike endpoints as [`Either`] of them.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::abi::{End, NEW_MEMBER, Set};
use crate::binding;
use crate::endpoint::{Closed, Contract, Endpoint, Receive, Side, TryReceiveError};
use crate::exbox::Exhausted;
use crate::port::RawEnd;
use crate::sabotage::{Bug, planted};
use crate::stream;
use crate::time::Instant;

/// What can be waited on in a set: an endpoint that receives, or [`Either`] of two such.
///
/// # Safety
///
/// What waits on a member relies on its end being that of the side that it says, and staying open for as long as it is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be waited on: only an endpoint that receives next can, or `Either` of two such",
    label = "nothing can come here",
    note = "an endpoint that sends next: send first, and wait on what the send returns"
)]
pub unsafe trait Member: Sized + Send {
    /// What it receives.
    type Received;
    /// Its next message, if one is there.
    fn try_receive(self) -> Result<Self::Received, TryReceiveError<Self>>;
    /// The end behind it. Whoever asks for it is about to wait.
    #[doc(hidden)]
    fn watched(&self) -> Watched<'_>;
}

/// An end and the side that it is, while somebody holds it.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    pub(crate) end: &'static End,
    pub(crate) side: Side,
    held: PhantomData<&'a End>,
}

impl Watched<'_> {
    /// Whether a receive would bring something.
    #[inline]
    pub(crate) fn has_news(self) -> bool {
        // SAFETY: the end is of this side, and open: whoever watches it holds it.
        unsafe { RawEnd::news_at(self.end, self.side) }
    }
}

// SAFETY: an endpoint's end is its own, of its type's side.
unsafe impl<E: Receive> Member for E {
    type Received = E::Received;
    fn try_receive(self) -> Result<E::Received, TryReceiveError<E>> {
        Receive::try_receive(self)
    }
    #[inline]
    fn watched(&self) -> Watched<'_> {
        if const { stream::flows(E::Contract::DESCRIPTION) } {
            // SAFETY: it is an end of this side of this contract, and it receives.
            unsafe { self.as_raw().give_credit::<E::Contract>(E::SIDE) };
        }
        Watched { end: self.as_raw().end(), side: E::SIDE, held: PhantomData }
    }
}

/// One of two unlike members, and what one of two unlike members received. Nest it for more than two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first kind.
    This(A),
    /// The second kind.
    That(B),
}

// SAFETY: it is one of the two.
unsafe impl<A: Member, B: Member> Member for Either<A, B> {
    type Received = Either<A::Received, B::Received>;
    fn try_receive(self) -> Result<Self::Received, TryReceiveError<Self>> {
        match self {
            Either::This(member) => match member.try_receive() {
                Ok(received) => Ok(Either::This(received)),
                Err(error) => Err(error.map(Either::This)),
            },
            Either::That(member) => match member.try_receive() {
                Ok(received) => Ok(Either::That(received)),
                Err(error) => Err(error.map(Either::That)),
            },
        }
    }
    fn watched(&self) -> Watched<'_> {
        match self {
            Either::This(member) => member.watched(),
            Either::That(member) => member.watched(),
        }
    }
}

/// Many members, each with a datum of its own, waited on together.
///
/// One step waits and brings the message together with its endpoint; an endpoint is a member until then, and
/// becomes one again by [`EndpointSet::insert`]. Ready members are served in turn: one that always has something
/// to say cannot keep the others waiting. The cost of a message does not depend on the number of members.
pub struct EndpointSet<M: Member, D = ()> {
    set: &'static Set,
    members: Vec<Slot<M, D>>,
    vacant: Option<usize>,
    count: usize,
    /// Ready ends taken from the shared list and put in order, oldest first.
    batch: *const End,
    /// Makes a member of an end that the kernel connected.
    newcomer: unsafe fn(RawEnd) -> (M, D),
}

enum Slot<M, D> {
    Member(M, D),
    Vacant(Option<usize>),
}

// SAFETY: the raw pointer leads to ends of members, which the set owns.
unsafe impl<M: Member, D: Send> Send for EndpointSet<M, D> {}

/// What a SIP provides: where channels arrive that the kernel connects to it.
///
/// Holding one proves that the SIP's manifest provides `C`, and that nobody else serves this instance.
pub struct Service<C> {
    set: &'static Set,
    contract: PhantomData<fn() -> C>,
}

impl<C: Contract> Service<C>
where
    C::Server: Receive,
{
    /// Takes charge of a kernel object.
    ///
    /// # Safety
    ///
    /// The caller owns the set, and every end that the kernel places in it is a `C::Server`.
    pub unsafe fn from_raw(set: &'static Set) -> Self {
        Service { set, contract: PhantomData }
    }

    /// The clients, as a set that new ones join when they first send.
    pub fn clients<D: Default>(self) -> EndpointSet<C::Server, D> {
        // SAFETY: the kernel places `C::Server`s.
        EndpointSet::over(self.set, |raw| unsafe { (C::Server::from_raw(raw), D::default()) })
    }

    /// As [`Service::clients`], for a set that holds members of another kind as well.
    pub fn clients_and<M: Member, D: Default>(self) -> EndpointSet<Either<C::Server, M>, D> {
        // SAFETY: the kernel places `C::Server`s.
        EndpointSet::over(self.set, |raw| unsafe { (Either::This(C::Server::from_raw(raw)), D::default()) })
    }
}

/// What a set's [`EndpointSet::receive`] brings.
#[derive(Debug)]
#[must_use = "the endpoint is in the received message; dropping it closes the channel"]
pub struct Event<R, D> {
    /// The message with its endpoint in the next state, or [`Closed`] if that member's peer is gone.
    pub received: Result<R, Closed>,
    /// The member's datum.
    pub data: D,
}

impl<M: Member, D> EndpointSet<M, D> {
    /// An empty set.
    pub fn new() -> Result<Self, Exhausted> {
        Ok(Self::over(binding::create_set()?, |_| {
            unreachable!("the kernel connects nobody to a set that is no service")
        }))
    }

    fn over(set: &'static Set, newcomer: unsafe fn(RawEnd) -> (M, D)) -> Self {
        EndpointSet { set, members: Vec::new(), vacant: None, count: 0, batch: ptr::null(), newcomer }
    }

    /// Adds an endpoint with its datum.
    #[inline]
    pub fn insert(&mut self, member: M, data: D) {
        let Watched { end, side, .. } = member.watched();
        let watched = Watched { end, side, held: PhantomData };
        let member = Slot::Member(member, data);
        let key = match self.vacant {
            Some(key) => {
                let Slot::Vacant(next) = self.members[key] else { unreachable!("a vacant slot is vacant") };
                self.vacant = next;
                self.members[key] = member;
                key
            }
            None => {
                self.members.push(member);
                self.members.len() - 1
            }
        };
        self.count = self.count.wrapping_add(1);
        watched.end.key.store(key, Relaxed);
        binding::join_set(self.set, watched.end, || watched.has_news());
    }

    /// Number of members, connected clients that have not sent anything yet not among them.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Waits for the next message of any member.
    #[inline]
    pub fn receive(&mut self) -> Event<M::Received, D> {
        loop {
            if self.batch.is_null() {
                self.put_in_order(binding::wait_set(self.set));
            }
            if let Some(event) = self.serve_next() {
                return event;
            }
        }
    }

    /// As [`EndpointSet::receive`]; none if nothing has come by `deadline`.
    pub fn receive_by(&mut self, deadline: Instant) -> Option<Event<M::Received, D>> {
        loop {
            let event = self.try_receive();
            if event.is_some() || Instant::now() >= deadline {
                return event;
            }
            binding::wait_set_until(self.set, deadline);
        }
    }

    /// The next message, if one is there.
    pub fn try_receive(&mut self) -> Option<Event<M::Received, D>> {
        loop {
            if self.batch.is_null() {
                self.put_in_order(binding::take_ready(self.set));
            }
            if self.batch.is_null() {
                return None;
            }
            if let Some(event) = self.serve_next() {
                return Some(event);
            }
        }
    }

    /// Makes a list of ready ends, newest first, the batch. There is none before.
    #[inline]
    fn put_in_order(&mut self, list: *const End) {
        if planted(Bug::LastServedFirst) {
            self.batch = list;
            return;
        }
        let mut newest = list;
        // SAFETY: ends in the list belong to members and newcomers of this set, which are open.
        while let Some(end) = unsafe { newest.as_ref() } {
            let here = newest;
            newest = end.ready_next.load(Acquire);
            end.ready_next.store(self.batch.cast_mut(), Relaxed);
            self.batch = here;
        }
    }

    /// Receives from the first of the batch, if it still has something.
    #[inline]
    fn serve_next(&mut self) -> Option<Event<M::Received, D>> {
        // SAFETY: as in `put_in_order`.
        let end = unsafe { self.batch.as_ref() }?;
        self.batch = end.ready_next.load(Relaxed);
        binding::leave_set(end);
        let (member, data) = self.take(end);
        match member.try_receive() {
            Ok(received) => Some(Event { received: Ok(received), data }),
            // Over the limit, the endpoint is dropped, as a plain receive would.
            Err(TryReceiveError::Closed | TryReceiveError::OverLimit(_)) => {
                Some(Event { received: Err(Closed), data })
            }
            // It was listed for a message that an earlier step has taken.
            Err(TryReceiveError::Empty(member)) => {
                self.insert(member, data);
                None
            }
        }
    }

    #[inline]
    fn take(&mut self, end: &'static End) -> (M, D) {
        let key = end.key.load(Relaxed);
        if key == NEW_MEMBER {
            // SAFETY: the kernel connected this end for us, in the start state of the service's contract.
            return unsafe { (self.newcomer)(RawEnd::new(end)) };
        }
        let Slot::Member(member, data) =
            core::mem::replace(&mut self.members[key], Slot::Vacant(self.vacant))
        else {
            unreachable!("a ready end is a member")
        };
        self.vacant = Some(key);
        self.count = self.count.wrapping_sub(1);
        (member, data)
    }
}

impl<M: Member, D> Drop for EndpointSet<M, D> {
    fn drop(&mut self) {
        // A closed end leaves the set. It may stay in the list of ready ends, which nobody follows any more.
        self.members.clear();
        // SAFETY: the set is ours and has no members left; the kernel closes the newcomers with it.
        unsafe { binding::close_set(self.set) }
    }
}
