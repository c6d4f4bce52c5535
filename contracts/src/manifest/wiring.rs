//! How a system is put together.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::restart::Policy;

/// How a system is put together: the image builder writes it, the kernel and the supervisor follow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// The SIPs that the kernel starts when the system boots, in this order. The system ends with the last of them.
    pub start: Vec<String>,
    /// The SIPs that the supervisor starts then, in this order.
    pub supervised: Vec<Supervised>,
    /// The SIPs that are started when somebody asks for them by name.
    pub on_demand: Vec<String>,
    /// The SIPs that run in domains because the one who built the system said so, whoever starts them.
    pub domains: Vec<String>,
    /// The SIPs that run in the kernel's space because the one who built the system said so, whoever starts them. The kernel
    /// has one whose image it finds not signed run in a domain all the same.
    pub no_domains: Vec<String>,
    /// The services that any SIP may use, also one whose image nobody vouches for. One that is vouched for may use whatever its
    /// manifest asks for.
    pub open: Vec<String>,
    /// What of the system's own SIPs may use more than that although nobody vouches for their images.
    pub grants: Vec<Grant>,
}

/// Lets a SIP use services although nobody vouches for its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The name under which the wiring has its image, whatever that says itself.
    pub sip: String,
    /// The services' names.
    pub services: Vec<String>,
}

impl Wiring {
    /// The names of all SIPs, whoever starts them.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let supervised = self.supervised.iter().map(|sip| &sip.name);
        self.start.iter().chain(supervised).chain(&self.on_demand)
    }
}

/// A SIP that the supervisor starts and watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervised {
    /// Its name.
    pub name: String,
    /// What is done when it has ended.
    pub policy: Policy,
    /// The supervised SIPs that provide what it uses: without them it cannot start.
    pub needs: Vec<String>,
    /// Whether the system ends with it.
    pub role: Role,
}

/// What a SIP is to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Without it the system goes on.
    Part,
    /// The system is there for it, and ends when it has ended and is not started again.
    Purpose,
}
