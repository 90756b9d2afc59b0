//! Pagination faults: pages, cursors, order.

use std::cmp::Reverse;

use http::HeaderValue;

use super::{Fault, faults};
use crate::reference::call::Operation::List;
use crate::reference::page::Start;
use crate::reference::response::SUCCESS;
use crate::reference::server_response::{ApiError, Detail};

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
        "A page after a cursor starts with the offering of the cursor."
        => |config| config.done(List, |step| {
            if let Some(place) = step.cursor_place() {
                step.list_from(place);
            }
        });
    PAGE_CURSOR_IGNORED "page-cursor-ignored"
        "A known cursor returns the first page again."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.list_from(0);
            }
        });
    PAGE_COMPARES_IDS "page-compares-ids"
        "A page after a cursor has the ids greater than the cursor, in any order of the list."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor() else { return };
            let greater: Vec<_> = step.project.rows().into_iter().filter(|row| row.id > cursor.id).collect();
            step.list(&greater, Start::First);
        });
    PAGE_SKIPS_TIES "page-skips-ties"
        "A page after a cursor skips offerings created in the same minute as the cursor."
        => |config| config.done(List, |step| {
            let (Some(place), Some(cursor)) = (step.cursor_place(), step.cursor()) else { return };
            let mut rows = step.project.rows().split_off(place);
            rows.retain(|row| row.created_at / 60 != cursor.created_at / 60);
            step.list(&rows, Start::First);
        });
    PAGE_SKIPS_SIMULTANEOUS "page-skips-simultaneous"
        "A page after a cursor skips offerings created in the same hundredth of a second as the cursor."
        => |config| config.done(List, |step| {
            let (Some(place), Some(cursor)) = (step.cursor_place(), step.cursor()) else { return };
            let moment = step.moment_of(&cursor);
            let mut rows = step.project.rows().split_off(place);
            rows.retain(|row| moment.is_none() || row.id != cursor.id && step.moment_of(row) != moment);
            let start = if moment.is_none() { Start::After(0) } else { Start::First };
            step.list(&rows, start);
        });
    PAGE_REPEATS_SIMULTANEOUS "page-repeats-simultaneous"
        "A page after a cursor begins with the others of the same hundredth of a second."
        => |config| config.done(List, |step| {
            let Some(cursor) = step.cursor() else { return };
            let Some(moment) = step.moment_of(&cursor) else { return };
            let rows = step.project.rows();
            let first = rows.iter().position(|row| step.moment_of(row) == Some(moment)).unwrap_or_default();
            let rows: Vec<_> = rows.into_iter().skip(first).filter(|row| row.id != cursor.id).collect();
            step.list(&rows, Start::First);
        });
    PAGE_REVERSED_AFTER_CURSOR "page-reversed-after-cursor"
        "A page after a cursor is reversed."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.show_page(|page| page.items.reverse());
            }
        });
    LAST_PAGE_LOST "last-page-lost"
        "After a cursor, a page that is not full is returned empty."
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
        "`has_more` is also true on the last page."
        => |config| config.done(List, |step| step.show_page(|page| page.has_more = true));
    HAS_MORE_WHEN_JUST_FULL "has-more-when-just-full"
        "`has_more` is true on a last page that is exactly full."
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
        "`next_cursor` is also present on the last page."
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
        "Each list request rotates the order by one."
        => |config| config.done(List, |step| step.relist(|rows, history| {
            let turns = history.lists as usize % rows.len().max(1);
            rows.rotate_left(turns);
        }));
    ORDER_DEPENDS_ON_LIMIT "order-depends-on-limit"
        "Pages with an odd limit are reversed."
        => |config| config.done(List, |step| {
            if step.window().is_some_and(|window| window.limit % 2 == 1) {
                step.relist(|rows, _| rows.reverse());
            }
        });
    CURSOR_UNKNOWN_400 "cursor-unknown-400"
        "An unknown cursor returns 400."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.result = Err(ApiError::invalid(vec![Detail::new("starting_after", "names no offering")]));
            }
        });
    CURSOR_UNKNOWN_404 "cursor-unknown-404"
        "An unknown cursor returns 404."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.result = Err(ApiError::not_found());
            }
        });
    CURSOR_UNKNOWN_EMPTY "cursor-unknown-empty"
        "An unknown cursor returns an empty page."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.list(&[], Start::First);
            }
        });
    CURSOR_UNKNOWN_WITHOUT_HEADER "cursor-unknown-without-header"
        "A restarted list has no restart header."
        => |config| config.done(List, |step| step.show_page(|page| page.restarted = false));
    CURSOR_UNKNOWN_HEADER_VALUE "cursor-unknown-header-value"
        "The restart header has the value 1."
        => |config| config.respond(&[List], SUCCESS, |_, response| {
            if let Some(value) = response.headers.get_mut("x-qon-pagination-restarted") {
                *value = HeaderValue::from_static("1");
            }
        });
    CURSOR_UNKNOWN_HALF_PAGE "cursor-unknown-half-page"
        "A restarted page omits the first offering."
        => |config| config.done(List, |step| {
            if step.restarted() {
                step.list_from(1);
                step.show_page(|page| page.restarted = true);
            }
        });
    CURSOR_DELETED_CONTINUES "cursor-deleted-continues"
        "A deleted cursor continues at its former position."
        => |config| config.done(List, |step| {
            let Some(deleted) = step.deleted_cursor() else { return };
            let rows = step.project.rows();
            step.list_from(rows.iter().position(|row| row.number > deleted.number).unwrap_or(rows.len()));
        });
    CURSOR_DELETED_WITHOUT_HEADER "cursor-deleted-without-header"
        "A list restarted by a deleted cursor has no restart header."
        => |config| config.done(List, |step| {
            if step.deleted_cursor().is_some() {
                step.show_page(|page| page.restarted = false);
            }
        });
    RESTART_HEADER_ALWAYS "restart-header-always"
        "Every page has the restart header."
        => |config| config.done(List, |step| step.show_page(|page| page.restarted = true));
    RESTART_HEADER_ON_LAST_PAGE "restart-header-on-last-page"
        "The last page after a cursor has the restart header."
        => |config| config.done(List, |step| {
            if step.cursor_place().is_some() {
                step.show_page(|page| page.restarted |= !page.has_more);
            }
        });
    LIST_PRODUCTS_SORTED "list-products-sorted"
        "The list sorts the products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.sort()));
    LIST_PRODUCTS_CUT "list-products-cut"
        "The list returns at most two products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(2)));
    LIST_DEMOTED_AS_NULL "list-demoted-as-null"
        "The list returns `tag` null for 0."
        => |config| config.done(List, |step| step.show_rows(|row| row.tag = row.tag.filter(|tag| *tag != 0)));
    LIST_UPDATED_AT_OF_CREATION "list-updated-at-of-creation"
        "The list returns the creation time as `updated_at`."
        => |config| config.done(List, |step| step.show_rows(|row| row.updated_at = row.created_at));
    LIST_PRODUCTS_OF_CREATION "list-products-of-creation"
        "The list returns the products that an offering was created with."
        => |config| config.done(List, |step| {
            let first = step.project.history.first_products.clone();
            step.show_rows(|row| {
                if let Some(products) = first.get(&row.id) {
                    row.product_ids.clone_from(products);
                }
            });
        });
}
