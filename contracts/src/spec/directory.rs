//! Names to endpoints.
//!
//! ```text
//! Directory   Ready --?Lookup--> LookingUp --!Found--> Ready
//!                                LookingUp --!Unknown--> Ready
//!                                LookingUp --!Refused--> Ready
//!             Ready --?List--> Listing --!Names--> Ready
//!
//! Broker      Ready --?Connect--> Connecting --!Connected--> Ready
//!                                 Connecting --!Refused--> Ready
//!             Ready --?Services--> Listing --!Known--> Ready
//! ```
//!
//! The directory decides which name means which service; the broker is the kernel's side of it and makes the channel.

use crate::{AnyEndpoint, Contract, ExBox, Exchange, Name};

/// Finds a provider by name and connects to it.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Directory {
    /// Asks for a channel to the service of this name.
    #[client(Ready => LookingUp)]
    Lookup {
        /// The service's name.
        name: Name,
        /// Fingerprint of the contract that the caller speaks.
        fingerprint: u64,
    },
    /// The client's end of a fresh channel to it.
    #[server(LookingUp => Ready)]
    Found {
        /// To be downcast to the contract's client.
        endpoint: AnyEndpoint,
    },
    /// No service has that name.
    #[server(LookingUp => Ready)]
    Unknown,
    /// The service exists and the connection does not.
    #[server(LookingUp => Ready)]
    Refused {
        /// Why.
        error: ConnectError,
    },
    /// Asks which names there are.
    #[client(Ready => Listing)]
    List,
    /// All names.
    #[server(Listing => Ready)]
    Names {
        /// One entry each.
        services: ExBox<[ServiceInfo]>,
    },
}

/// Makes channels between a client and a running provider. The kernel serves it to the directory alone.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Broker {
    /// Asks for a channel to a service.
    #[client(Ready => Connecting)]
    Connect {
        /// Its number.
        service: u64,
        /// Fingerprint of the contract that the client speaks.
        fingerprint: u64,
        /// Number of the SIP that the channel is for, and counts against; 0 if it is nobody's.
        client: u32,
    },
    /// The client's end of it.
    #[server(Connecting => Ready)]
    Connected {
        /// To be downcast to the contract's client.
        endpoint: AnyEndpoint,
    },
    /// There is no channel.
    #[server(Connecting => Ready)]
    Refused {
        /// Why.
        error: ConnectError,
    },
    /// Asks what running SIPs provide.
    #[client(Ready => Listing)]
    Services,
    /// All of it.
    #[server(Listing => Ready)]
    Known {
        /// One entry each.
        services: ExBox<[ServiceInfo]>,
    },
}

/// A service that a running SIP provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct ServiceInfo {
    /// Its number, never used again.
    pub id: u64,
    /// Fingerprint of the contract it speaks.
    pub fingerprint: u64,
    /// The providing SIP's number.
    pub sip: u32,
    /// Its name.
    pub name: Name,
    /// The contract's name.
    pub contract: Name,
}

/// Why a service that exists was not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum ConnectError {
    /// The service speaks another contract, or another version of it.
    Mismatch,
    /// The provider is gone.
    Gone,
    /// There is no memory for a channel.
    Exhausted,
    /// The client has as many channels as it may have, or was on its way to another process.
    OverLimit,
    /// Nobody vouches for the client's image, and the service is not for everybody.
    NotGranted,
}

impl core::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ConnectError::Mismatch => "it speaks another contract",
            ConnectError::Gone => "its provider is gone",
            ConnectError::Exhausted => "out of memory",
            ConnectError::OverLimit => "no more channels are allowed",
            ConnectError::NotGranted => "it is not for an image that nobody vouches for",
        })
    }
}
