//! The kernel's own services, a thread each. They speak contracts like everybody else.

use alloc::boxed::Box;
use core::fmt;

use contracts::manifest::ContractInfo;
use contracts::{Contract, Receive, Service};

use super::{BootArchive, boot_image, broker, probe, publish, serial, system};
use crate::memory::stacks::{Stack, StackError};
use crate::sched::{self, KERNEL_PRIORITY, ThreadError};
use crate::{account, channel};

const STACK_PAGES: usize = 12;

/// Why a service of the kernel's was not started.
#[derive(Debug)]
pub enum ServiceError {
    /// No memory for a set.
    OutOfMemory,
    /// No stack.
    Stack(StackError),
    /// No thread.
    Thread(ThreadError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory for the kernel's services")
    }
}

/// Starts all services of the kernel. `wiring` is the boot archive's file `boot/wiring`.
pub fn start_all(archive: BootArchive, wiring: Box<[u8]>) -> Result<(), ServiceError> {
    start("serial_input", serial::serve_input)?;
    start("serial_output", serial::serve_output)?;
    start("broker", broker::serve)?;
    start("system", move |service| system::serve(service, &wiring))?;
    start("probe", probe::serve)?;
    #[cfg(feature = "campaign")]
    {
        start("injector", super::injector::serve)?;
        spawn(super::injector::strike_at_points)?;
    }
    start("boot_image", move |service| boot_image::serve(service, &archive))
}

/// Publishes `C` as `name` and serves it on a thread of its own.
fn start<C: Contract>(
    name: &str,
    serve: impl FnOnce(Service<C>) -> Never + 'static,
) -> Result<(), ServiceError>
where
    C::Server: Receive,
{
    let set = channel::create_set(&account::KERNEL).map_err(|_| ServiceError::OutOfMemory)?;
    publish(name, &ContractInfo::from(C::DESCRIPTION), 0, set)
        .expect("the kernel's services have names of their own");
    spawn(move || {
        // SAFETY: the set was made for this service and published with its contract.
        serve(unsafe { Service::from_raw(set) })
    })
}

/// Runs a function on a thread of its own, for good.
fn spawn(run: impl FnOnce() -> Never + 'static) -> Result<(), ServiceError> {
    let run: Box<dyn FnOnce() -> Never> = Box::new(run);
    let argument = Box::into_raw(Box::new(run)) as usize;
    let stack = Stack::allocate(STACK_PAGES).map_err(ServiceError::Stack)?;
    let thread = sched::spawn(&account::KERNEL, KERNEL_PRIORITY, stack, run_boxed, argument)
        .map_err(ServiceError::Thread)?;
    // The kernel's threads run for as long as the system does.
    Box::leak(thread);
    Ok(())
}

/// What a function returns that does not.
pub(super) enum Never {}

unsafe extern "C" fn run_boxed(argument: usize) -> ! {
    // SAFETY: `spawn` made the box and passed it to this thread alone.
    let run = unsafe { Box::from_raw(argument as *mut Box<dyn FnOnce() -> Never>) };
    match run() {}
}
