//! Services: what SIPs and the kernel provide under a name, and how clients get to them.

#[cfg(feature = "bare")]
mod boot_image;
#[cfg(feature = "bare")]
mod broker;
#[cfg(feature = "campaign")]
mod injector;
#[cfg(feature = "bare")]
mod own;
#[cfg(feature = "bare")]
mod probe;
mod registry;
#[cfg(feature = "bare")]
mod serial;
#[cfg(feature = "bare")]
mod system;

#[cfg(feature = "bare")]
pub use boot_image::BootArchive;
#[cfg(feature = "bare")]
#[cfg(feature = "bare")]
pub use own::start_all;
pub use registry::{
    ConnectError, ServiceView, Taken, connect, connect_by_id, publish, survey, withdraw, withdraw_set,
};
