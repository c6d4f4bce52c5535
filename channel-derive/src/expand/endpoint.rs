//! A side's endpoints: the type, and the methods that send and receive.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use super::{Writer, docs, endpoint_type, name as name_at, side_path};
use crate::hygiene::local;
use crate::model::{MessageId, Move, Side, StateId};
use crate::{names, wire};

/// The parameter of `receive_by`. People see it, so it is called what it is.
pub(super) fn deadline() -> Ident {
    Ident::new("deadline", Span::mixed_site())
}

impl Writer<'_> {
    /// The endpoint type of a side and what it can do in every state.
    pub(super) fn endpoint(&self, side: Side) -> TokenStream {
        let visibility = &self.inner;
        let endpoint = endpoint_type(side);
        let side_value = side_path(side);
        let contract = &self.contract;
        let contract_name = &self.protocol.name;
        let type_docs = docs::endpoint(self.name, side);
        let formatter = local("formatter");
        let raw = local("raw");
        let transfer = local("transfer");
        let (encoder, decoder) = (wire::encoder(), wire::decoder());
        let sends = format_ident!("{}Sends", names::endpoint(side));
        let sending = (0..self.protocol.end())
            .filter(|state| self.protocol.speaks(side, *state) && !self.protocol.speaks(side.peer(), *state))
            .map(|state| &self.states[state]);
        quote! {
            #[doc = #type_docs]
            #[must_use = "dropping an endpoint closes the channel"]
            #[repr(transparent)]
            #visibility struct #endpoint<S>(__contracts::port::RawEnd, __core::marker::PhantomData<fn() -> S>);

            impl<S: __contracts::generated::State> __core::fmt::Debug for #endpoint<S> {
                fn fmt(&self, #formatter: &mut __core::fmt::Formatter<'_>) -> __core::fmt::Result {
                    __contracts::generated::debug(
                        #formatter,
                        #contract_name,
                        #side_value,
                        <S as __contracts::generated::State>::NAME,
                    )
                }
            }

            // SAFETY: the type wraps the raw end; its side and state are what its name and parameter say.
            unsafe impl<S: __contracts::generated::State> __contracts::Endpoint for #endpoint<S> {
                type Contract = #contract;
                const SIDE: __contracts::Side = #side_value;
                const STATE: __core::primitive::u16 = <S as __contracts::generated::State>::NUMBER;
                #[inline]
                unsafe fn from_raw(#raw: __contracts::port::RawEnd) -> Self {
                    #endpoint(#raw, __core::marker::PhantomData)
                }
                #[inline]
                fn into_raw(self) -> __contracts::port::RawEnd {
                    self.0
                }
                #[inline]
                fn as_raw(&self) -> &__contracts::port::RawEnd {
                    &self.0
                }
            }

            // SAFETY: the end is handed over, and nothing else is in the type.
            unsafe impl<S: __contracts::generated::#sends> __contracts::Exchange for #endpoint<S> {
                const FINGERPRINT: __core::primitive::u64 = __contracts::generated::endpoint(
                    #contract_name,
                    #side_value,
                    <S as __contracts::generated::State>::NAME,
                );
                const FORM: __contracts::generated::Form = __contracts::generated::Form::Endpoint {
                    contract: <#contract as __contracts::Contract>::DESCRIBED,
                    side: #side_value,
                    state: <S as __contracts::generated::State>::NUMBER,
                };
                const HANDLES: __core::primitive::usize = 1;
                const ANY_BYTES: __core::primitive::bool = false;
                const WIRE_BYTES: __core::primitive::usize = <__contracts::AnyEndpoint as __contracts::Exchange>::WIRE_BYTES;
                fn hand_over(&self, #transfer: &mut __contracts::Transfer) {
                    __contracts::port::RawEnd::hand_over(&self.0, #transfer)
                }
                fn encode(
                    self,
                    #encoder: &mut __contracts::wire::Encoder,
                ) -> __core::result::Result<(), __contracts::Exhausted> {
                    __contracts::wire::Encoder::endpoint(#encoder, self);
                    __core::result::Result::Ok(())
                }
                fn decode(
                    #decoder: &mut __contracts::wire::Decoder<'_>,
                ) -> __core::result::Result<Self, __contracts::wire::DecodeError> {
                    __contracts::wire::Decoder::endpoint(#decoder)
                }
            }

            // SAFETY: in these states this side sends, and only it.
            #(#[diagnostic::do_not_recommend] unsafe impl __contracts::generated::#sends for #sending {})*
            // SAFETY: the bound says so.
            unsafe impl<S: __contracts::generated::#sends> __contracts::SendFirst for #endpoint<S> {}
        }
    }

    /// The method that makes one step of a message.
    pub(super) fn send(&self, step: Move) -> TokenStream {
        let visibility = &self.inner;
        let message = &self.messages[step.message];
        let side = self.protocol.sender(step);
        let endpoint = endpoint_type(side);
        let side_value = side_path(side);
        let contract = &self.contract;
        let from = &self.states[step.from];
        let method = &message.method;
        let user_docs = &message.surface.docs;
        let step_docs = docs::step(self.protocol, step);
        let parameters = message.surface.fields.iter().map(|field| &field.name);
        let fields = parameters.clone();
        let types = &message.types;
        let to = self.endpoint_in(side, step.to).map(|to| quote!(-> #to));
        let body = &message.body;
        let (number, next) = (step.message as u16, step.to as u16);
        let (raw, content) = (local("raw"), local("content"));
        let result = self.step_result(side, step, &raw);
        quote! {
            impl #endpoint<#from> {
                #(#[doc = #user_docs])*
                #[doc = #step_docs]
                #[inline]
                #[allow(clippy::too_many_arguments, clippy::wrong_self_convention, clippy::should_implement_trait)]
                #visibility fn #method(self, #(#parameters: #types),*) #to {
                    let mut #raw = self.0;
                    let #content = #body { #(#fields),* };
                    // SAFETY: the endpoint's type says that the channel is in a state in which this message is sent.
                    unsafe { __contracts::port::RawEnd::send::<#contract, _>(&mut #raw, #side_value, #number, #next, #content) };
                    #result
                }
            }
        }
    }

    /// The two methods that send a stream's message: one waits for room, one does not.
    pub(super) fn stream(&self, step: Move, window: u32) -> TokenStream {
        let visibility = &self.inner;
        let message = &self.messages[step.message];
        let side = self.protocol.sender(step);
        let endpoint = endpoint_type(side);
        let side_value = side_path(side);
        let contract = &self.contract;
        let from = &self.states[step.from];
        let user_docs: Vec<_> = message.surface.docs.iter().collect();
        let [waiting_docs, trying_docs] = docs::stream(self.protocol, step, window, &message.method);
        let (method, trying) = (&message.method, self.trying(step.message));
        let fields: Vec<_> = message.surface.fields.iter().map(|field| &field.name).collect();
        let types = &message.types;
        // A stream that leads elsewhere is refused; until then its methods return what the contract says.
        let to = self.endpoint_in(side, step.to).unwrap_or_else(|| quote!(()));
        let body = &message.body;
        let (number, next) = (step.message as u16, step.to as u16);
        let (raw, content, error) = (local("raw"), local("content"), local("error"));
        let after = self.step_result(side, step, &raw);
        let after = if after.is_empty() { quote!(()) } else { after };
        let allow = quote! {
            #[allow(
                clippy::too_many_arguments,
                clippy::wrong_self_convention,
                clippy::should_implement_trait,
                clippy::result_large_err
            )]
        };
        quote! {
            impl #endpoint<#from> {
                #(#[doc = #user_docs])*
                #[doc = #waiting_docs]
                #[inline]
                #allow
                #visibility fn #method(self, #(#fields: #types),*)
                    -> __core::result::Result<#to, __contracts::SendError<#body>>
                {
                    let mut #raw = self.0;
                    let #content = #body { #(#fields),* };
                    // SAFETY: the endpoint's type says that the channel is in a state in which this message is sent.
                    match unsafe { __contracts::port::RawEnd::send_when_room::<#contract, _>(&mut #raw, #side_value, #number, #next, #window, #content) } {
                        __core::result::Result::Ok(()) => __core::result::Result::Ok(#after),
                        __core::result::Result::Err(#error) => __core::result::Result::Err(#error),
                    }
                }

                #(#[doc = #user_docs])*
                #[doc = #trying_docs]
                #[inline]
                #allow
                #visibility fn #trying(self, #(#fields: #types),*)
                    -> __core::result::Result<#to, __contracts::TrySendError<Self, #body>>
                {
                    let mut #raw = self.0;
                    let #content = #body { #(#fields),* };
                    // SAFETY: as above.
                    match unsafe { __contracts::port::RawEnd::try_send::<#contract, _>(&mut #raw, #side_value, #number, #next, #window, #content) } {
                        __core::result::Result::Ok(()) => __core::result::Result::Ok(#after),
                        __core::result::Result::Err(__contracts::TrySendError::Full((), #content)) => {
                            __core::result::Result::Err(__contracts::TrySendError::Full(
                                #endpoint(#raw, __core::marker::PhantomData),
                                #content,
                            ))
                        }
                        __core::result::Result::Err(__contracts::TrySendError::Closed(#content)) => {
                            __core::result::Result::Err(__contracts::TrySendError::Closed(#content))
                        }
                    }
                }
            }
        }
    }

    /// The method that sends a stream's message without waiting.
    fn trying(&self, message: MessageId) -> proc_macro2::Ident {
        let name = &self.protocol.messages[message].name;
        name_at(&names::trying(&names::snake_case(name)), self.messages[message].surface.name.span())
    }

    /// What a side receives in a state, and the methods that do.
    pub(super) fn receive(&self, side: Side, state: StateId) -> TokenStream {
        let visibility = &self.inner;
        let endpoint = endpoint_type(side);
        let side_value = side_path(side);
        let contract = &self.contract;
        let from = &self.states[state];
        let received = format_ident!("{}", names::received(side, &self.protocol.states[state].text));
        let moves: Vec<Move> =
            self.protocol.leaving(state).filter(|step| self.protocol.sender(*step) == side.peer()).collect();
        let (raw, message, content) = (local("raw"), local("message"), local("content"));
        let (formatter, deadline) = (local("formatter"), deadline());
        let variants = moves.iter().map(|step| self.received_variant(side, *step));
        let variant_names: Vec<_> =
            moves.iter().map(|step| &self.messages[step.message].surface.name).collect();
        let texts = moves.iter().map(|step| &self.protocol.messages[step.message].name);
        let arms = moves.iter().map(|step| {
            let names = &self.messages[step.message];
            let (number, body, variant) = (step.message as u16, &names.body, &names.surface.name);
            let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
            let next = self.endpoint_in(side, step.to).map(|_| {
                let endpoint = self.step_result(side, *step, &raw);
                quote!(next: #endpoint)
            });
            quote! {
                #number => {
                    // SAFETY: a message of this number is at the ring's head, and this is its body.
                    let #content = unsafe { __contracts::port::RawEnd::take::<#contract, #body>(&mut #raw, #side_value) };
                    __core::result::Result::Ok(#received::#variant { #(#fields: #content.#fields,)* #next })
                }
            }
        });
        let bodies: Vec<_> = moves.iter().map(|step| &self.messages[step.message].body).collect();
        let numbers: Vec<_> = moves.iter().map(|step| step.message as u16).collect();
        let next = moves.iter().map(|step| step.to as u16);
        let enum_docs = docs::received(self.protocol, side, state);
        let receive_docs = docs::receive(self.protocol, state);
        quote! {
            #[doc = #enum_docs]
            #[must_use = "the endpoint is in the received message; dropping it closes the channel"]
            #visibility enum #received { #(#variants,)* }

            impl __core::fmt::Debug for #received {
                fn fmt(&self, #formatter: &mut __core::fmt::Formatter<'_>) -> __core::fmt::Result {
                    __core::fmt::Formatter::write_str(#formatter, match self {
                        #(#received::#variant_names { .. } => #texts,)*
                    })
                }
            }

            impl #endpoint<#from> {
                #[doc = #receive_docs]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "[`Closed`](::contracts::Closed) if the peer is gone and nothing is left to receive, and if the \
                         channel had to be closed because the message's blocks would break the SIP's limit."]
                #[inline]
                #visibility fn receive(self) -> __core::result::Result<#received, __contracts::Closed> {
                    __contracts::Receive::receive(self)
                }

                #[doc = "As [`receive`](Self::receive), without waiting."]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "[`Empty`](::contracts::TryReceiveError::Empty), with the endpoint, if no message is there yet; \
                         [`Closed`](::contracts::TryReceiveError::Closed) if none will come; \
                         [`OverLimit`](::contracts::TryReceiveError::OverLimit), with the endpoint, if the message's \
                         blocks would break the SIP's limit."]
                #[inline]
                #visibility fn try_receive(self) -> __core::result::Result<#received, __contracts::TryReceiveError<Self>> {
                    __contracts::Receive::try_receive(self)
                }

                #[doc = "As [`receive`](Self::receive), waiting until `deadline` at most."]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "[`TimedOut`](::contracts::ReceiveByError::TimedOut), with the endpoint, if no message came in time; \
                         [`Closed`](::contracts::ReceiveByError::Closed) if none will come; \
                         [`OverLimit`](::contracts::ReceiveByError::OverLimit), with the endpoint, if the message's \
                         blocks would break the SIP's limit."]
                #[inline]
                #visibility fn receive_by(
                    self,
                    #deadline: __contracts::Instant,
                ) -> __core::result::Result<#received, __contracts::ReceiveByError<Self>> {
                    __contracts::Receive::receive_by(self, #deadline)
                }
            }

            // SAFETY: in this state the peer sends, and these messages alone.
            unsafe impl __contracts::Receive for #endpoint<#from> {
                type Received = #received;
                const HOLDS_HANDLES: __core::primitive::bool = false #(|| <#bodies as __contracts::Exchange>::HANDLES > 0)*;
                const EXPECTED: &'static [__contracts::generated::Expected] =
                    &[#(__contracts::generated::Expected::of::<#bodies>(#numbers, #next)),*];
                #[inline]
                unsafe fn open(
                    mut #raw: __contracts::port::RawEnd,
                    mut #message: __core::primitive::u16,
                ) -> __core::result::Result<#received, __contracts::Closed> {
                    loop {
                        return match #message {
                            #(#arms)*
                            // SAFETY: passed on to the caller.
                            _ => match unsafe { __contracts::port::RawEnd::accept::<Self>(&#raw, #message) } {
                                __core::result::Result::Ok(#content) => {
                                    #message = #content;
                                    continue;
                                }
                                __core::result::Result::Err(#content) => __core::result::Result::Err(#content),
                            },
                        };
                    }
                }
                unsafe fn check(
                    #message: __core::primitive::u16,
                    #content: *const __core::primitive::u8,
                ) -> __core::primitive::bool {
                    match #message {
                        // SAFETY: it is the body of this message.
                        #(#numbers => unsafe { __contracts::generated::check::<#bodies>(#content) },)*
                        _ => true,
                    }
                }
            }
        }
    }
}
