//! Every stock contract as a type, to be chosen by number.

use contracts::spec::{
    archive, block_device, console, count, digest, directory, file, injector, log, ping, pipe, probe, serial,
    socket, store, supervisor, system, timer,
};
use contracts::wire::Message;
use contracts::{Contract, Description, Endpoint, Exhausted, SendFirst};

/// A contract with its ends by who speaks first.
pub trait Stock: Message {
    /// The end that sends the first message.
    type First: SendFirst<Contract = Self>;
    /// The other.
    type Second: Endpoint<Contract = Self>;
    /// A new channel.
    ///
    /// # Errors
    /// As [`Contract::channel`].
    fn ends() -> Result<(Self::First, Self::Second), Exhausted>;
}

/// Something to do with a contract that is known at run time only.
pub trait Act {
    /// What comes of it.
    type Output;
    /// Does it.
    fn act<C: Stock>(self) -> Self::Output;
}

macro_rules! stock {
    (clients first: $($client:path),* $(,)?; servers first: $($server:path),* $(,)?;) => {
        $(impl Stock for $client {
            type First = <$client as Contract>::Client;
            type Second = <$client as Contract>::Server;
            fn ends() -> Result<(Self::First, Self::Second), Exhausted> {
                <$client>::channel()
            }
        })*
        $(impl Stock for $server {
            type First = <$server as Contract>::Server;
            type Second = <$server as Contract>::Client;
            fn ends() -> Result<(Self::First, Self::Second), Exhausted> {
                <$server>::channel().map(|(client, server)| (server, client))
            }
        })*

        /// The contracts, in the order of their numbers.
        pub const CONTRACTS: &[&Description] = &[
            $(<$client as Contract>::DESCRIPTION,)*
            $(<$server as Contract>::DESCRIPTION,)*
        ];

        /// Acts on contract number `number`; none if there is no such.
        pub fn with_contract<A: Act>(number: usize, act: A) -> Option<A::Output> {
            type Function<A> = fn(A) -> <A as Act>::Output;
            let functions: &[Function<A>] = &[$(A::act::<$client>,)* $(A::act::<$server>,)*];
            functions.get(number).map(|function| function(act))
        }
    };
}

stock! {
    clients first:
        archive::Archive,
        archive::BootImage,
        block_device::BlockDevice,
        console::Console,
        count::Count,
        digest::Digest,
        directory::Broker,
        directory::Directory,
        file::File,
        file::FileSystem,
        injector::Injector,
        log::Log,
        log::LogReader,
        ping::PingPong,
        ping::Pinger,
        pipe::Pipe,
        pipe::PipeReader,
        pipe::PipeWriter,
        probe::Probe,
        serial::SerialInput,
        serial::SerialOutput,
        socket::Incoming,
        socket::Listener,
        socket::Network,
        socket::Outgoing,
        store::Cursor,
        store::Store,
        supervisor::Supervisor,
        system::Ending,
        system::System,
        timer::Timer;
    servers first:
        supervisor::Life,
        timer::Alarm;
}
