//! A side's endpoints: the type, and the methods that send and receive.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{Writer, docs, endpoint_type, local, name as name_at, side_path};
use crate::model::{MessageId, Move, Side, StateId};
use crate::{names, wire};

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
            #visibility struct #endpoint<S>(::contracts::port::RawEnd, ::core::marker::PhantomData<fn() -> S>);

            impl<S: ::contracts::generated::State> ::core::fmt::Debug for #endpoint<S> {
                fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::contracts::generated::debug(
                        #formatter,
                        #contract_name,
                        #side_value,
                        <S as ::contracts::generated::State>::NAME,
                    )
                }
            }

            // SAFETY: the type wraps the raw end; its side and state are what its name and parameter say.
            unsafe impl<S: ::contracts::generated::State> ::contracts::Endpoint for #endpoint<S> {
                type Contract = #contract;
                const SIDE: ::contracts::Side = #side_value;
                const STATE: u16 = <S as ::contracts::generated::State>::NUMBER;
                unsafe fn from_raw(#raw: ::contracts::port::RawEnd) -> Self {
                    #endpoint(#raw, ::core::marker::PhantomData)
                }
                fn into_raw(self) -> ::contracts::port::RawEnd {
                    self.0
                }
                fn as_raw(&self) -> &::contracts::port::RawEnd {
                    &self.0
                }
            }

            // SAFETY: the end is handed over, and nothing else is in the type.
            unsafe impl<S: ::contracts::generated::#sends> ::contracts::Exchange for #endpoint<S> {
                const FINGERPRINT: u64 = ::contracts::generated::endpoint(
                    #contract_name,
                    #side_value,
                    <S as ::contracts::generated::State>::NAME,
                );
                const CARRIES: ::contracts::generated::Carries = ::contracts::generated::Carries::Endpoint(
                    <#contract as ::contracts::Contract>::DESCRIBED,
                );
                const HANDLES: usize = 1;
                const ANY_BYTES: bool = false;
                const WIRE_BYTES: usize = <::contracts::AnyEndpoint as ::contracts::Exchange>::WIRE_BYTES;
                fn hand_over(&self, #transfer: &mut ::contracts::Transfer) {
                    ::contracts::port::RawEnd::hand_over(&self.0, #transfer)
                }
                fn encode(
                    self,
                    #encoder: &mut ::contracts::wire::Encoder,
                ) -> ::core::result::Result<(), ::contracts::Exhausted> {
                    ::contracts::wire::Encoder::endpoint(#encoder, self);
                    ::core::result::Result::Ok(())
                }
                fn decode(
                    #decoder: &mut ::contracts::wire::Decoder<'_>,
                ) -> ::core::result::Result<Self, ::contracts::wire::DecodeError> {
                    ::contracts::wire::Decoder::endpoint(#decoder)
                }
            }

            // SAFETY: in these states this side sends, and only it.
            #(#[diagnostic::do_not_recommend] unsafe impl ::contracts::generated::#sends for #sending {})*
            // SAFETY: the bound says so.
            unsafe impl<S: ::contracts::generated::#sends> ::contracts::SendFirst for #endpoint<S> {}
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
                    unsafe { ::contracts::port::RawEnd::send::<#contract, _>(&mut #raw, #side_value, #number, #next, #content) };
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
                    -> ::core::result::Result<#to, ::contracts::SendError<#body>>
                {
                    let mut #raw = self.0;
                    let #content = #body { #(#fields),* };
                    // SAFETY: the endpoint's type says that the channel is in a state in which this message is sent.
                    match unsafe { ::contracts::port::RawEnd::send_when_room::<#contract, _>(&mut #raw, #side_value, #number, #next, #window, #content) } {
                        ::core::result::Result::Ok(()) => ::core::result::Result::Ok(#after),
                        ::core::result::Result::Err(#error) => ::core::result::Result::Err(#error),
                    }
                }

                #(#[doc = #user_docs])*
                #[doc = #trying_docs]
                #[inline]
                #allow
                #visibility fn #trying(self, #(#fields: #types),*)
                    -> ::core::result::Result<#to, ::contracts::TrySendError<Self, #body>>
                {
                    let mut #raw = self.0;
                    let #content = #body { #(#fields),* };
                    // SAFETY: as above.
                    match unsafe { ::contracts::port::RawEnd::try_send::<#contract, _>(&mut #raw, #side_value, #number, #next, #window, #content) } {
                        ::core::result::Result::Ok(()) => ::core::result::Result::Ok(#after),
                        ::core::result::Result::Err(::contracts::TrySendError::Full((), #content)) => {
                            ::core::result::Result::Err(::contracts::TrySendError::Full(
                                #endpoint(#raw, ::core::marker::PhantomData),
                                #content,
                            ))
                        }
                        ::core::result::Result::Err(::contracts::TrySendError::Closed(#content)) => {
                            ::core::result::Result::Err(::contracts::TrySendError::Closed(#content))
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
        let (closed, formatter, deadline) = (local("closed"), local("formatter"), local("deadline"));
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
                    let #content = unsafe { ::contracts::port::RawEnd::take::<#contract, #body>(&mut #raw, #side_value) };
                    #received::#variant { #(#fields: #content.#fields,)* #next }
                }
            }
        });
        let bodies = moves.iter().map(|step| &self.messages[step.message].body);
        let enum_docs = docs::received(self.protocol, side, state);
        let receive_docs = docs::receive(self.protocol, state);
        quote! {
            #[doc = #enum_docs]
            #[must_use = "the endpoint is in the received message; dropping it closes the channel"]
            #visibility enum #received { #(#variants,)* }

            impl #received {
                /// Whether one of the messages can hold blocks or endpoints.
                const HOLDS_HANDLES: bool = false #(|| <#bodies as ::contracts::Exchange>::HANDLES > 0)*;

                /// # Safety
                ///
                /// The message is at the head of this end's ring, and the end is in this state.
                #[inline]
                unsafe fn open(mut #raw: ::contracts::port::RawEnd, #message: u16) -> Self {
                    match #message {
                        #(#arms)*
                        _ => ::contracts::port::RawEnd::unknown_message(&#raw, #message),
                    }
                }
            }

            impl ::core::fmt::Debug for #received {
                fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Formatter::write_str(#formatter, match self {
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
                #visibility fn receive(self) -> ::core::result::Result<#received, ::contracts::Closed> {
                    let mut #raw = self.0;
                    // SAFETY: the endpoint's type says that this side receives now.
                    match unsafe { ::contracts::port::RawEnd::wait_message::<#contract>(&mut #raw, #side_value) } {
                        // SAFETY: the message was just found at the head, in the state of the endpoint's type.
                        ::core::result::Result::Ok(#message) => {
                            if #received::HOLDS_HANDLES
                                && !unsafe { ::contracts::port::RawEnd::has_room::<#contract>(&#raw, #side_value) }
                            {
                                return ::core::result::Result::Err(::contracts::Closed);
                            }
                            ::core::result::Result::Ok(unsafe { #received::open(#raw, #message) })
                        }
                        ::core::result::Result::Err(#closed) => ::core::result::Result::Err(#closed),
                    }
                }

                #[doc = "As [`receive`](Self::receive), without waiting."]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "[`Empty`](::contracts::TryReceiveError::Empty), with the endpoint, if no message is there yet; \
                         [`Closed`](::contracts::TryReceiveError::Closed) if none will come; \
                         [`OverLimit`](::contracts::TryReceiveError::OverLimit), with the endpoint, if the message's \
                         blocks would break the SIP's limit."]
                #[inline]
                #visibility fn try_receive(self) -> ::core::result::Result<#received, ::contracts::TryReceiveError<Self>> {
                    let mut #raw = self.0;
                    // SAFETY: as in `receive`.
                    match unsafe { ::contracts::port::RawEnd::poll_message::<#contract>(&mut #raw, #side_value) } {
                        ::core::result::Result::Ok(::core::option::Option::Some(#message)) => {
                            if #received::HOLDS_HANDLES
                                && !unsafe { ::contracts::port::RawEnd::has_room::<#contract>(&#raw, #side_value) }
                            {
                                return ::core::result::Result::Err(::contracts::TryReceiveError::OverLimit(
                                    #endpoint(#raw, ::core::marker::PhantomData),
                                ));
                            }
                            ::core::result::Result::Ok(unsafe { #received::open(#raw, #message) })
                        }
                        ::core::result::Result::Ok(::core::option::Option::None) => ::core::result::Result::Err(
                            ::contracts::TryReceiveError::Empty(#endpoint(#raw, ::core::marker::PhantomData)),
                        ),
                        ::core::result::Result::Err(_) => {
                            ::core::result::Result::Err(::contracts::TryReceiveError::Closed)
                        }
                    }
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
                    #deadline: ::contracts::Instant,
                ) -> ::core::result::Result<#received, ::contracts::ReceiveByError<Self>> {
                    ::contracts::Receive::receive_by(self, #deadline)
                }
            }

            // SAFETY: in this state the peer sends.
            unsafe impl ::contracts::Receive for #endpoint<#from> {
                type Received = #received;
                #[inline]
                fn receive(self) -> ::core::result::Result<#received, ::contracts::Closed> {
                    #endpoint::<#from>::receive(self)
                }
                #[inline]
                fn try_receive(self) -> ::core::result::Result<#received, ::contracts::TryReceiveError<Self>> {
                    #endpoint::<#from>::try_receive(self)
                }
            }
        }
    }
}
