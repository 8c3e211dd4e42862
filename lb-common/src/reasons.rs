//! Counters by reason, whose names userspace knows.

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident $field:ident)*) => {
        /// What became of a packet.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        /// How many packets each reason took.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Reasons {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Reasons {
            /// The names of the reasons, in the order of [`Self::values`].
            pub const NAMES: &[&str] = &[$(stringify!($field)),*];

            /// The counter of a reason.
            #[inline(always)]
            pub fn of(&mut self, reason: Reason) -> &mut u64 {
                match reason {
                    $(Reason::$reason => &mut self.$field,)*
                }
            }

            /// The counters, in the order of [`Self::NAMES`].
            pub fn values(&self) -> impl Iterator<Item = u64> {
                [$(self.$field),*].into_iter()
            }
        }
    };
}
