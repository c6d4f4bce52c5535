//! What the tests' own processes speak, and what they share.
//!
//! - [`assist`], [`feed`], [`tally`], [`walk`]: what contracts can do, tried out by the examiner;
//! - [`mod@ahead`]: an extension that its server does not know;
//! - [`desk`], and with feature `campaign` `play`, `pose`, `scenes` and `stock`: processes whose end is planned;
//! - [`mod@line`]: a block goes down a line of processes and back, and each says what it saw;
//! - [`echo`]: a round trip with a block, to be measured;
//! - [`farewell`]: one who is about to die says something first;
//! - [`files`]: whole files of the boot archive;
//! - [`harm`]: what ends whoever does it;
//! - [`quiz`]: values of all kinds, blocks and endpoints, to be attacked;
//! - [`roll`]: processes of one image, to be looked at from outside;
//! - [`table`]: random sessions of a dealer with its peers;
//! - [`mod@toll`]: a round trip with payloads of all sizes, to be measured wherever its ends are;
//! - [`outdated`]: the contracts of the table in another version;
//! - [`trouble`]: why a run was cut short.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "campaign")]
extern crate alloc;

pub mod ahead;
pub mod assist;
pub mod desk;
pub mod echo;
pub mod farewell;
pub mod feed;
pub mod files;
pub mod harm;
pub mod line;
pub mod outdated;
#[cfg(feature = "campaign")]
pub mod play;
#[cfg(feature = "campaign")]
pub mod pose;
pub mod quiz;
pub mod random;
pub mod roll;
#[cfg(feature = "campaign")]
pub mod scenes;
#[cfg(feature = "campaign")]
pub mod stock;
pub mod table;
pub mod tally;
pub mod toll;
pub mod trouble;
pub mod walk;
