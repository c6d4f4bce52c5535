//! Connections to other machines, as a network stack offers them.
//!
//! ```text
//! Network    Ready --?Connect--> Connecting --!Connected--> Ready
//!                                Connecting --!Refused--> Ready
//!            Ready --?Listen--> Binding --!Listening--> Ready
//!                               Binding --!Refused--> Ready
//!
//! Listener   Ready --?Accept--> Accepting --!Accepted--> Ready
//!                               Accepting --!Stopped--> End
//!            Ready --?Close--> End
//!
//! Outgoing   Open --?Send--> Sending --!Sent--> Open
//!                            Sending --!Broken--> End
//!            Open --?Finish--> End
//!
//! Incoming   Open --?Read--> Reading --!Data--> Open
//!                            Reading --!Finished--> End
//!                            Reading --!Broken--> End
//!            Open --?Close--> End
//! ```
//!
//! A connection carries bytes both ways at once, so it is two channels, one for each way. Each way ends by itself: after
//! `Finish` the other machine reads an end and may still answer (half-close). `Sent` comes when the stack has room for
//! more, `Data` when there is some: so each way waits for nobody but itself. The two halves may live in two processes.

use crate::{Contract, ExBox, Exchange};

/// Makes connections.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Network {
    /// Connects to another machine.
    #[client(Ready => Connecting)]
    Connect {
        /// Who and where.
        to: Address,
    },
    /// There is a connection.
    #[server(Connecting => Ready)]
    Connected {
        /// The way there.
        outgoing: outgoing::Client<outgoing::Open>,
        /// The way back.
        incoming: incoming::Client<incoming::Open>,
        /// Our own end's address.
        local: Address,
    },
    /// Waits for others to connect.
    #[client(Ready => Binding)]
    Listen {
        /// Where; port 0 means any that is free.
        at: Address,
    },
    /// They may.
    #[server(Binding => Ready)]
    Listening {
        /// Where they arrive.
        listener: listener::Client<listener::Ready>,
        /// The address, its port chosen.
        at: Address,
    },
    /// There is no connection, or nobody can make one.
    #[server(Connecting => Ready, Binding => Ready)]
    Refused {
        /// Why.
        error: SocketError,
    },
}

/// Where connections that others make arrive.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Listener {
    /// Waits for the next.
    #[client(Ready => Accepting)]
    Accept,
    /// Here it is.
    #[server(Accepting => Ready)]
    Accepted {
        /// The way there.
        outgoing: outgoing::Client<outgoing::Open>,
        /// The way back.
        incoming: incoming::Client<incoming::Open>,
        /// Who connected.
        peer: Address,
    },
    /// There will be no more.
    #[server(Accepting => End)]
    Stopped {
        /// Why.
        error: SocketError,
    },
    /// Wants no more.
    #[client(Ready => End)]
    Close,
}

/// The way there.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Outgoing {
    /// The next bytes.
    #[client(Open => Sending)]
    Send {
        /// They lie at the start of this block.
        block: ExBox<[u8]>,
        /// How many; as many as the block holds if it says more.
        length: u64,
    },
    /// They are on their way, and there is room for more. Whether they arrive is for the programs to tell each other.
    #[server(Sending => Open)]
    Sent {
        /// The block that came with the bytes.
        block: ExBox<[u8]>,
    },
    /// They are not.
    #[server(Sending => End)]
    Broken {
        /// Why.
        error: SocketError,
        /// The block that came with the bytes.
        block: ExBox<[u8]>,
    },
    /// There are no more bytes: the other machine reads an end. The way back stays open.
    #[client(Open => End)]
    Finish,
}

/// The way back.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Incoming {
    /// Waits for bytes.
    #[client(Open => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// Some have come.
    #[server(Reading => Open)]
    Data {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled, at least one if it holds any.
        length: u64,
    },
    /// The other machine has no more to say. The way there stays open.
    #[server(Reading => End)]
    Finished {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
    },
    /// The connection is lost.
    #[server(Reading => End)]
    Broken {
        /// Why.
        error: SocketError,
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
    },
    /// Wants no more: what still comes is refused.
    #[client(Open => End)]
    Close,
}

/// A machine and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Exchange)]
#[repr(C)]
pub struct Address {
    /// IPv6, or an IPv4 address mapped into it (RFC 4291, section 2.5.5.2); network byte order.
    pub ip: [u8; 16],
    /// The port.
    pub port: u16,
}

impl Address {
    /// An IPv4 address.
    pub const fn v4(ip: [u8; 4], port: u16) -> Address {
        let [a, b, c, d] = ip;
        Address { ip: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d], port }
    }
}

/// Why there is no connection, or none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum SocketError {
    /// The other machine wants no connection on that port.
    Refused,
    /// No way leads to that machine.
    Unreachable,
    /// The other machine did not answer in time.
    TimedOut,
    /// The other machine gave the connection up.
    Reset,
    /// Somebody listens at that address already.
    InUse,
    /// There is no memory.
    Exhausted,
}

impl core::fmt::Display for SocketError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            SocketError::Refused => "connection refused",
            SocketError::Unreachable => "no way leads there",
            SocketError::TimedOut => "no answer in time",
            SocketError::Reset => "connection reset by the other machine",
            SocketError::InUse => "address in use",
            SocketError::Exhausted => "out of memory",
        })
    }
}
