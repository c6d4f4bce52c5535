//! `manifest!`: a SIP's manifest, its entry point, and what an image needs once.

/// Writes the manifest into the image and makes `main` its entry point.
///
/// ```ignore
/// rt::manifest! {
///     main: serve,                              // fn(Grants) -> impl rt::start::Outcome
///     provides: { count: Count },               // service name: contract
///     uses: { console: Console },
///     memory: 4 << 20,                          // bytes of private memory, optional
///     stack: 128 << 10,                         // bytes of stack, optional
///     priority: 9,                              // 1 to 29, greater runs first, optional
///     blocks: 64 << 20,                         // bytes of blocks that may count against it, optional
///     channels: 1024,                           // channels that may count against it, optional
///     threads: 8,                               // the first among them, optional
///     cpu_percent: 50,                          // of each second of the core; more ends the SIP, optional
///     restart: on_failure,                      // by its supervisor; or never, or always; optional
///     back_off: Duration::from_millis(100),     // the wait before a restart, which then doubles, optional
///     back_off_cap: Duration::from_secs(10),    // the longest wait, optional
///     give_up: 5 in Duration::from_secs(60),    // so many ends that call for a restart in this time, optional
/// }
/// ```
///
/// It defines `Grants`: a [`Service`](contracts::Service) for each `provides`, the client's endpoint for each `uses`, by
/// the services' names, and `argument`, the text that whoever started the SIP gave it. `ports` has, by the same names, the
/// right to further channels to each `uses`: see [`reconnect`](crate::reconnect).
#[macro_export]
macro_rules! manifest {
    (
        main: $main:path
        $(, provides: { $($provided:ident: $provided_contract:ty),* $(,)? })?
        $(, uses: { $($used:ident: $used_contract:ty),* $(,)? })?
        $(, memory: $memory:expr)?
        $(, stack: $stack:expr)?
        $(, priority: $priority:expr)?
        $(, blocks: $blocks:expr)?
        $(, channels: $channels:expr)?
        $(, threads: $threads:expr)?
        $(, cpu_percent: $cpu_percent:expr)?
        $(, restart: $restart:ident)?
        $(, back_off: $back_off:expr)?
        $(, back_off_cap: $back_off_cap:expr)?
        $(, give_up: $give_up_after:literal in $give_up_within:expr)?
        $(,)?
    ) => {
        /// What the kernel granted this SIP; there is nothing else it can reach.
        pub struct Grants {
            /// What whoever started the SIP gave it; often empty.
            pub argument: &'static str,
            $($(
                #[doc = concat!("The service `", stringify!($provided), "`.")]
                pub $provided: $crate::private::Service<$provided_contract>,
            )*)?
            $($(
                #[doc = concat!("A fresh channel to the service `", stringify!($used), "`.")]
                pub $used: <$used_contract as $crate::private::Contract>::Client,
            )*)?
            /// For each service that it uses, the right to further channels.
            pub ports: Ports,
        }

        /// Leads to the services that the manifest uses, now and when they were started again.
        pub struct Ports {
            $($(
                #[doc = concat!("To the service `", stringify!($used), "`.")]
                pub $used: $crate::reconnect::Port<$used_contract>,
            )*)?
        }

        const _: () = {
            use $crate::private::{Contract, ManifestSpec, Policy};

            const SPEC: ManifestSpec = ManifestSpec {
                name: env!("CARGO_PKG_NAME"),
                provides: &[$($((stringify!($provided), <$provided_contract as Contract>::DESCRIPTION)),*)?],
                uses: &[$($((stringify!($used), <$used_contract as Contract>::DESCRIPTION)),*)?],
                memory: $crate::private::first(&[$($memory,)? $crate::private::DEFAULT_MEMORY]),
                stack: $crate::private::first(&[$($stack,)? $crate::private::DEFAULT_STACK]),
                priority: $crate::private::first(&[$($priority,)? $crate::private::DEFAULT_PRIORITY]),
                blocks: $crate::private::first(&[$($blocks,)? $crate::private::DEFAULT_BLOCKS]),
                channels: $crate::private::first(&[$($channels,)? $crate::private::DEFAULT_CHANNELS]),
                threads: $crate::private::first(&[$($threads,)? $crate::private::DEFAULT_THREADS]),
                cpu_percent: $crate::private::first(&[$($cpu_percent,)? $crate::private::DEFAULT_CPU_PERCENT]),
                policy: Policy {
                    restart: $crate::private::first(&[
                        $($crate::manifest!(@restart $restart),)? $crate::private::DEFAULT_POLICY.restart
                    ]),
                    back_off: $crate::private::first(&[
                        $($back_off,)? $crate::private::DEFAULT_POLICY.back_off
                    ]),
                    back_off_cap: $crate::private::first(&[
                        $($back_off_cap,)? $crate::private::DEFAULT_POLICY.back_off_cap
                    ]),
                    give_up_after: $crate::private::first(&[
                        $($give_up_after,)? $crate::private::DEFAULT_POLICY.give_up_after
                    ]),
                    give_up_within: $crate::private::first(&[
                        $($give_up_within,)? $crate::private::DEFAULT_POLICY.give_up_within
                    ]),
                },
            };

            #[used]
            #[unsafe(link_section = ".entente.manifest")]
            static MANIFEST: [u8; SPEC.encoded_length()] = SPEC.encode();

            #[unsafe(no_mangle)]
            extern "C" fn _start(start: &'static $crate::private::Start) -> ! {
                // SAFETY: the kernel calls this once, with what the manifest asked for, in its order.
                unsafe { $crate::start::enter(start) };
                #[allow(unused_mut, unused_variables)]
                // SAFETY: as above.
                let mut granted = unsafe { $crate::start::Granted::new(start) };
                $crate::start::run($main, Grants {
                    argument: granted.argument(),
                    $($($provided: granted.service(),)*)?
                    $($($used: granted.endpoint(),)*)?
                    ports: Ports { $($($used: granted.port(stringify!($used)),)*)? },
                })
            }

            #[global_allocator]
            static HEAP: $crate::heap::Heap = $crate::heap::Heap::new();

            #[panic_handler]
            fn panic(info: &$crate::private::core::panic::PanicInfo<'_>) -> ! {
                $crate::start::panicked(info)
            }
        };

        // An item, which a block's statements cannot be.
        $crate::private::export_memory_functions!();
    };
    (@restart never) => { $crate::private::Restart::Never };
    (@restart on_failure) => { $crate::private::Restart::OnFailure };
    (@restart always) => { $crate::private::Restart::Always };
}
