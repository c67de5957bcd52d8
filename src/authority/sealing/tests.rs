//! What opens, what does not, and where the key may come from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::store::memory::MemoryStore;

fn sealer(byte: u8) -> Sealer {
    Sealer::new(&Zeroizing::new([byte; KEY_BYTES]))
}

fn file(path: &Path, store_is_new: bool) -> Result<Sealer, SealingError> {
    Sealer::load_or_make(&EncryptionKey::File(path.to_owned()), store_is_new)
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_opened(by: &Sealer, purpose: &str, context: &[u8], sealed: &[u8]) -> bool {
    by.open(purpose, context, sealed).is_ok()
}

proptest! {
    #[test]
    fn what_was_sealed_opens_again_and_nowhere_else(plain in prop::collection::vec(any::<u8>(), 0..200),
        purpose in "[a-z ]{1,12}", context in prop::collection::vec(any::<u8>(), 0..40), byte in any::<u8>()) {
        let sealed = sealer(1).seal(&purpose, &context, &plain).unwrap();
        let opened = sealer(1).open(&purpose, &context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &plain);
        prop_assert!(!is_opened(&sealer(2), &purpose, &context, &sealed));
        let longer = [context.as_slice(), &[byte]].concat();
        prop_assert!(!is_opened(&sealer(1), &purpose, &longer, &sealed));
        prop_assert!(!is_opened(&sealer(1), &(purpose + "x"), &context, &sealed));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open(plain in prop::collection::vec(any::<u8>(), 0..100), at in any::<Index>(), bit in 0..8u8) {
        let sealed = sealer(1).seal("p", b"c", &plain).unwrap();
        let at = at.index(sealed.len());
        let mut flipped = sealed.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(!is_opened(&sealer(1), "p", b"c", &flipped));
        prop_assert!(!is_opened(&sealer(1), "p", b"c", &sealed[..at]));
        prop_assert!(!is_opened(&sealer(1), "p", b"c", &[&sealed[..], &[0]].concat()));
    }
}

#[test]
fn purpose_and_context_cannot_be_shifted_into_each_other() {
    let sealed = sealer(1).seal("key", b"sabc", b"x").unwrap();
    assert!(!is_opened(&sealer(1), "keys", b"abc", &sealed));
}

#[test]
fn every_place_has_a_key_of_its_own() {
    let text = |context: &[u8]| {
        let mut text = b"plain".to_vec();
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        sealer(1).key(&place("p", context)).unwrap().seal_in_place_append_tag(nonce, Aad::empty(), &mut text).unwrap();
        text
    };
    assert_eq!(text(b"a"), text(b"a"));
    assert_ne!(text(b"a"), text(b"b"));
}

#[test]
fn the_same_text_is_never_sealed_to_the_same_bytes() {
    let seal = || sealer(1).seal("p", b"c", b"plain").unwrap();
    let (one, other) = (seal(), seal());
    assert_ne!(one[1..=NONCE_LEN], other[1..=NONCE_LEN]);
    assert_ne!(one[1 + NONCE_LEN..], other[1 + NONCE_LEN..]);
    assert!(memchr::memmem::find(&one, b"plain").is_none());
}

#[test]
fn a_new_store_gets_a_key_that_only_its_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let sealed = file(&path, true).unwrap().seal("p", b"c", b"plain").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n') && STANDARD.decode(text.trim()).unwrap().len() == KEY_BYTES);
    for store_is_new in [false, true] {
        assert!(is_opened(&file(&path, store_is_new).unwrap(), "p", b"c", &sealed), "the file stays as it is");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn a_store_whose_key_is_lost_gets_no_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let error = file(&path, false).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, SealingError::Missing(_)) && message.contains("a backup of the store leaves it out"), "{message}");
    assert!(message.contains(&path.display().to_string()) && !path.exists());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let text = STANDARD.encode([3; KEY_BYTES]);
    for mode in [0o640, 0o604, 0o660, 0o610] {
        write(&path, &text, mode);
        let message = file(&path, false).unwrap_err().to_string();
        assert!(message.contains(&format!("mode {mode:o}")) && message.contains("chmod 600"), "{message}");
        assert!(!message.contains(&text[..8]));
    }
    write(&path, &text, 0o400);
    assert!(file(&path, false).is_ok());
}

#[test]
fn what_is_no_key_of_32_bytes_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let cases = [String::new(), "hunter2".to_owned(), STANDARD.encode([3; 31]), STANDARD.encode([3; 33]), "A".repeat(5000)];
    for text in cases {
        write(&path, &text, 0o600);
        let given = Sealer::load_or_make(&EncryptionKey::Given(Secret::new(text.clone().into())), true);
        for error in [file(&path, true).unwrap_err(), given.unwrap_err()] {
            assert!(matches!(error, SealingError::Malformed(_)), "{error}");
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(&text));
        }
    }
    let good = EncryptionKey::Given(Secret::new(format!("{}\n", STANDARD.encode([3; 32])).into_bytes()));
    let sealed = sealer(3).seal("p", b"c", b"x").unwrap();
    assert!(is_opened(&Sealer::load_or_make(&good, false).unwrap(), "p", b"c", &sealed));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent/key");
    let message = file(&path, true).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()) && message.contains("No such file"), "{message}");
}

#[tokio::test]
async fn a_store_that_was_sealed_with_another_key_is_refused() {
    let store = MemoryStore::new();
    sealer(1).check(&store).await.unwrap();
    sealer(1).check(&store).await.unwrap();
    assert_eq!(store.commits(), 1);
    assert!(matches!(sealer(2).check(&store).await, Err(SealingError::Different)));
}

#[tokio::test]
async fn of_two_first_gateways_with_different_keys_one_is_refused() {
    let store = MemoryStore::new();
    let (one, other) = (sealer(1), sealer(2));
    let (one, other) = tokio::join!(one.check(&store), other.check(&store));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", sealer(1)), "Sealer");
}
