//! Claims as they are addressed.

use tollgate::identity::Pointer;

use crate::Target;

/// JSON pointers of the configuration: what parses shows itself in a form that parses to the same.
pub const POINTER: Target = Target {
    name: "pointer",
    run: |data| {
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(pointer) = Pointer::parse(text) {
            assert_eq!(Pointer::parse(&pointer.to_string()).as_ref(), Ok(&pointer));
        }
    },
    seeds: &[b"/realm_access/roles", b"email", b"/a~1b/~0", b"/"],
    dictionary: &[b"~0", b"~1", b"~", b"/", b"~2", "\u{e9}".as_bytes()],
};
