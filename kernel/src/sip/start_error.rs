//! Why a SIP was not started, in words.

use alloc::string::String;
use core::fmt;

use contracts::manifest::Difference;

use super::image::ImageError;
use super::window::TooMany;
use crate::account;
use crate::channel;
use crate::memory::mapping::MapError;
use crate::memory::stacks::StackError;

/// Why a SIP was not started.
#[derive(Debug)]
pub enum StartError {
    /// The file is no image that can run here.
    Image(ImageError),
    /// It uses a service that no running SIP provides.
    Unprovided {
        /// The service's name.
        service: String,
        /// The contract it would speak.
        contract: String,
    },
    /// It uses a service that is not for everybody, and nobody vouches for its image.
    NotGranted {
        /// The service's name.
        service: String,
    },
    /// It uses a service that speaks another contract, or another version of it.
    Mismatch {
        /// The service's name.
        service: String,
        /// The user's contract.
        contract: String,
        /// How the two differ.
        difference: Difference,
    },
    /// It provides a service that a running SIP provides already.
    Taken {
        /// The service's name.
        service: String,
    },
    /// It needs more memory than its manifest allows it.
    OverLimit {
        /// KiB it needs to start.
        needed: usize,
        /// KiB its manifest allows.
        limit: usize,
    },
    /// Its manifest lists more services than the start page has room for.
    TooManyServices,
    /// It uses more services than its manifest allows it channels.
    TooManyChannels,
    /// The argument is longer than the start page has room for.
    ArgumentTooLong,
    /// All windows are taken.
    TooManySips,
    /// The machine's memory is exhausted.
    OutOfMemory,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Image(error) => error.fmt(f),
            StartError::Unprovided { service, contract } => {
                write!(f, "it uses the service '{service}' ({contract}), which no running process provides")
            }
            StartError::NotGranted { service } => {
                write!(
                    f,
                    "it uses the service '{service}', which is not for an image that nobody vouches for"
                )
            }
            StartError::Mismatch { service, contract, difference } => {
                write!(f, "it uses the service '{service}' ({contract}), but {difference}")
            }
            StartError::Taken { service } => {
                write!(f, "it provides the service '{service}', which a running process provides already")
            }
            StartError::OverLimit { needed, limit } => {
                write!(f, "it needs {needed} KiB to start, its manifest allows {limit} KiB")
            }
            StartError::TooManyServices => f.write_str("its manifest lists too many services"),
            StartError::TooManyChannels => {
                f.write_str("it uses more services than its manifest allows it channels")
            }
            StartError::ArgumentTooLong => f.write_str("the argument is too long"),
            StartError::TooManySips => f.write_str("too many processes are running"),
            StartError::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

impl From<ImageError> for StartError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::OutOfMemory => StartError::OutOfMemory,
            error => StartError::Image(error),
        }
    }
}

impl From<MapError> for StartError {
    fn from(_: MapError) -> Self {
        StartError::OutOfMemory
    }
}

impl From<TooMany> for StartError {
    fn from(_: TooMany) -> Self {
        StartError::TooManySips
    }
}

impl From<StackError> for StartError {
    fn from(_: StackError) -> Self {
        StartError::OutOfMemory
    }
}

impl From<channel::CreateError> for StartError {
    fn from(error: channel::CreateError) -> Self {
        match error {
            channel::CreateError::OverLimit => StartError::TooManyChannels,
            channel::CreateError::OutOfMemory => StartError::OutOfMemory,
        }
    }
}

impl From<account::OutOfMemory> for StartError {
    fn from(_: account::OutOfMemory) -> Self {
        StartError::OutOfMemory
    }
}
