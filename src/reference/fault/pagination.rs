//! Pagination faults: pages, cursors, order.

use std::cmp::Reverse;

use http::HeaderValue;

use super::{Fault, faults};
use crate::reference::call::Operation::List;
use crate::reference::page::Start;
use crate::reference::response::SUCCESS;
use crate::reference::server_response::{Detail, Refusal};

faults! {
    Pagination from super::validation::FIRST + super::validation::ROWS.len();
    PAGE_SKIPS_ONE "page-skips-one"
        "A page after a cursor starts one offering too late."
        => |config| config.done(List, |step| {
            if let Some(place) = step.cursor_place() {
                step.list_from(place + 2);
            }
        });
    PAGE_REPEATS_LAST "page-repeats-last"
        "A page after a cursor starts with the cursor's own offering."
        => |config| config.done(List, |step| {
            if let Some(place) = step.cursor_place() {
                step.list_from(place);
            }
        });
    PAGE_CURSOR_IGNORED "page-cursor-ignored"
        "A cursor that exists gives the first page again."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.list_from(0);
            }
        });
    PAGE_COMPARES_IDS "page-compares-ids"
        "A page after a cursor holds the ids greater than it, whatever the order."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor() else { return };
            let greater: Vec<_> = step.project.rows().into_iter().filter(|row| row.id > cursor.id).collect();
            step.list(&greater, Start::First);
        });
    PAGE_SKIPS_TIES "page-skips-ties"
        "A page after a cursor starts at a later minute than the cursor's offering was made in."
        => |config| config.done(List, |step| {
            let (Some(place), Some(cursor)) = (step.cursor_place(), step.cursor()) else { return };
            let mut rows = step.project.rows().split_off(place);
            rows.retain(|row| row.created_at / 60 != cursor.created_at / 60);
            step.list(&rows, Start::First);
        });
    PAGE_REVERSED_AFTER_CURSOR "page-reversed-after-cursor"
        "A page after a cursor stands in reverse."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.show_page(|page| page.items.reverse());
            }
        });
    LAST_PAGE_LOST "last-page-lost"
        "Pages that are not full are never shown after a cursor."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.show_page(|page| {
                    if page.items.len() < page.window.limit {
                        page.items.clear();
                    }
                });
            }
        });
    HAS_MORE_ALWAYS_FALSE "has-more-always-false"
        "`has_more` is always false."
        => |config| config.done(List, |step| step.show_page(|page| (page.has_more, page.next_cursor) = (false, None)));
    HAS_MORE_ALWAYS_TRUE "has-more-always-true"
        "`has_more` is true on the last page too."
        => |config| config.done(List, |step| step.show_page(|page| page.has_more = true));
    HAS_MORE_WHEN_JUST_FULL "has-more-when-just-full"
        "`has_more` is true on a last page that is just full."
        => |config| config.done(List, |step| step.show_page(|page| {
            page.has_more |= page.items.len() == page.window.limit;
        }));
    HAS_MORE_MISSES_ONE "has-more-misses-one"
        "`has_more` is false where only one offering follows."
        => |config| config.done(List, |step| {
            if step.following().len() == 1 {
                step.show_page(|page| (page.has_more, page.next_cursor) = (false, None));
            }
        });
    NEXT_CURSOR_FIRST "next-cursor-first"
        "`next_cursor` names the first offering of the page."
        => |config| config.done(List, |step| step.show_page(|page| {
            if page.has_more && page.items.len() > 1 {
                page.next_cursor = page.items.first().map(|first| first.id.clone());
            }
        }));
    NEXT_CURSOR_SKIPS_ONE "next-cursor-skips-one"
        "`next_cursor` names the offering after the page."
        => |config| config.done(List, |step| {
            let next = step.following().first().map(|next| next.id.clone());
            step.show_page(|page| {
                if page.has_more {
                    page.next_cursor = next;
                }
            });
        });
    NEXT_CURSOR_ON_LAST_PAGE "next-cursor-on-last-page"
        "`next_cursor` stands on the last page too."
        => |config| config.done(List, |step| step.show_page(|page| {
            if !page.has_more {
                page.next_cursor = page.items.last().map(|last| last.id.clone());
            }
        }));
    ORDER_BY_ID "order-by-id"
        "The list is ordered by id."
        => |config| config.done(List, |step| step.relist(|rows, _| rows.sort_by(|one, other| one.id.cmp(&other.id))));
    ORDER_BY_UPDATE "order-by-update"
        "The list is ordered by the last update."
        => |config| config.done(List, |step| step.relist(|rows, _| rows.sort_by_key(|row| Reverse(row.updated_at))));
    ORDER_CHANGES "order-changes"
        "Each list call turns the order by one."
        => |config| config.done(List, |step| step.relist(|rows, history| {
            let turns = history.lists as usize % rows.len().max(1);
            rows.rotate_left(turns);
        }));
    ORDER_DEPENDS_ON_LIMIT "order-depends-on-limit"
        "Pages of an odd limit stand in reverse order."
        => |config| config.done(List, |step| {
            if step.window().is_some_and(|window| window.limit % 2 == 1) {
                step.relist(|rows, _| rows.reverse());
            }
        });
    CURSOR_UNKNOWN_400 "cursor-unknown-400"
        "A cursor that names nothing is answered 400."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.result = Err(Refusal::invalid(vec![Detail::new("starting_after", "names no offering")]));
            }
        });
    CURSOR_UNKNOWN_404 "cursor-unknown-404"
        "A cursor that names nothing is answered 404."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.result = Err(Refusal::not_found());
            }
        });
    CURSOR_UNKNOWN_EMPTY "cursor-unknown-empty"
        "A cursor that names nothing gives an empty page."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.list(&[], Start::First);
            }
        });
    CURSOR_UNKNOWN_WITHOUT_HEADER "cursor-unknown-without-header"
        "A restarted list does not say so."
        => |config| config.done(List, |step| step.show_page(|page| page.restarted = false));
    CURSOR_UNKNOWN_HEADER_VALUE "cursor-unknown-header-value"
        "The header of a restarted list has the value 1."
        => |config| config.respond(&[List], SUCCESS, |_, response| {
            if let Some(value) = response.headers.get_mut("x-qon-pagination-restarted") {
                *value = HeaderValue::from_static("1");
            }
        });
    CURSOR_UNKNOWN_HALF_PAGE "cursor-unknown-half-page"
        "A restarted page leaves the first offering out."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.list_from(1);
                step.show_page(|page| page.restarted = true);
            }
        });
    CURSOR_DELETED_CONTINUES "cursor-deleted-continues"
        "A cursor that was deleted continues where it stood."
        => |config| config.done(List, |step| {
            let Some(deleted) = step.deleted_cursor() else { return };
            let rows = step.project.rows();
            step.list_from(rows.iter().position(|row| row.number > deleted.number).unwrap_or(rows.len()));
        });
    CURSOR_DELETED_WITHOUT_HEADER "cursor-deleted-without-header"
        "A list restarted by a deleted cursor does not say so."
        => |config| config.done(List, |step| {
            if step.deleted_cursor().is_some() {
                step.show_page(|page| page.restarted = false);
            }
        });
    RESTART_HEADER_ALWAYS "restart-header-always"
        "Every page says that the list was restarted."
        => |config| config.done(List, |step| step.show_page(|page| page.restarted = true));
    RESTART_HEADER_ON_LAST_PAGE "restart-header-on-last-page"
        "The last page after a cursor says that the list was restarted."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.show_page(|page| page.restarted |= !page.has_more);
            }
        });
    LIST_PRODUCTS_SORTED "list-products-sorted"
        "The list shows products sorted."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.sort()));
    LIST_PRODUCTS_CUT "list-products-cut"
        "The list shows at most two products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(2)));
    LIST_DEMOTED_AS_NULL "list-demoted-as-null"
        "The list shows null for tag 0."
        => |config| config.done(List, |step| step.show_rows(|row| row.tag = row.tag.filter(|tag| *tag != 0)));
    LIST_UPDATED_AT_OF_CREATION "list-updated-at-of-creation"
        "The list shows the creation time as `updated_at`."
        => |config| config.done(List, |step| step.show_rows(|row| row.updated_at = row.created_at));
    LIST_PRODUCTS_OF_CREATION "list-products-of-creation"
        "The list shows the products that an offering was created with."
        => |config| config.done(List, |step| {
            let first = step.project.history.first_products.clone();
            step.show_rows(|row| {
                if let Some(products) = first.get(&row.id) {
                    row.product_ids.clone_from(products);
                }
            });
        });
}
