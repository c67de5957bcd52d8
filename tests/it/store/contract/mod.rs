//! What every store does. Each test gets an empty store.
//!
//! A store is held to it by `contract!(open)` in a module of its own, where `open` makes an empty store together with
//! whatever must live as long.

pub mod events;
pub mod keys;
pub mod log;
pub mod together;
pub mod tokens;
pub mod users;

/// Makes a test of every function of the contract.
macro_rules! contract {
    ($open:path) => {
        crate::store::contract::contract!(@ $open, users:
            read_back_whole, not_found_where_there_is_none, found_by_name_in_any_case, an_address_counts_before_a_username,
            unique_without_case, lookalikes_are_different_users, replaced_by_version, replacing_keeps_what_is_not_its_own,
            removed_with_all_that_is_theirs, registrations_come_and_go, sign_ins_are_noted, links_lead_to_users,
            standing_knows_one_registration, ids_are_unique
        );
        crate::store::contract::contract!(@ $open, tokens:
            a_session_and_its_token_are_read_back, a_token_needs_its_session, values_are_matched_through_rotations,
            a_use_keeps_the_value, versions_decide, lists_are_newest_first_and_limited, sessions_are_listed_newest_first_and_limited, a_session_ends_with_its_tokens,
            all_sessions_of_a_user_end, all_but_one_session_end, sessions_of_an_application_end,
            sessions_of_a_user_in_an_application_end, a_token_ends_with_those_made_from_it, expired_tokens_are_swept,
            tokens_of_unknown_applications_are_swept, sessions_without_tokens_are_swept, replaced_values_are_swept,
            ending_nothing_is_no_fault, what_is_made_from_a_token_for_an_application_ends_with_it, a_token_knows_its_ancestors,
            each_session_that_ends_leaves_an_entry, each_token_that_ends_alone_leaves_an_entry,
            an_entry_is_no_older_than_its_sign_in, the_oldest_sessions_make_room, sessions_that_nothing_renews_make_room_first, the_oldest_exchanged_tokens_make_room
        );
        crate::store::contract::contract!(@ $open, log:
            every_scope_and_basis_is_read_back, numbers_grow_and_are_never_given_again, read_in_order_and_limited,
            ended_entries_are_not_read, closing_instants_only_grow, closing_instants_outlive_what_they_closed,
            a_lost_role_closes_nothing, another_party_closes_nothing, an_entry_reaches_the_sign_ins_that_end_with_it
        );
        crate::store::contract::contract!(@ $open, keys:
            keys_are_read_back_oldest_first, every_change_of_a_key_is_seen, keys_are_replaced_by_version,
            dead_keys_are_swept, the_key_check_is_set_once, documents_replace_each_other, the_identity_stays
        );
        crate::store::contract::contract!(@ $open, events:
            an_event_is_read_back_until_it_is_removed, only_the_first_of_an_ordering_is_due,
            of_two_that_take_an_event_one_succeeds, without_room_an_event_is_left_out_and_nothing_else,
            old_events_and_those_of_others_are_swept, a_refused_list_adds_no_event, what_would_end_is_what_ends,
            what_would_end_and_is_not_known_is_a_conflict
        );
        crate::store::contract::contract!(@ $open, together:
            a_refused_change_takes_the_others_along, a_refused_list_leaves_other_lists_alone, of_simultaneous_rotations_one_succeeds,
            of_simultaneous_names_one_is_taken, a_dropped_future_harms_nobody, reads_see_what_was_committed,
            large_records_are_kept, it_answers
        );
    };
    (@ $open:path, $part:ident: $($name:ident),+) => {
        mod $part {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (store, _kept) = $open();
                    crate::store::contract::$part::$name(store).await;
                }
            )+
        }
    };
}

pub(crate) use contract;
