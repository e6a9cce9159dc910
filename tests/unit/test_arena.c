#include "test.h"

#include "base/arena.h"

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void memory_is_zeroed_and_aligned(void)
{
    cnn_arena *a = cnn_arena_create();
    size_t sizes[] = { 0, 1, 15, 16, 17, 4000, 5000, 100000, 3000000, 7 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = cnn_arena_alloc(a, sizes[i]);
        CHECK(p != NULL && (uintptr_t)p % 16 == 0);
        CHECK(all_zero(p, sizes[i]));
        memset(p, 0xff, sizes[i]);
    }
    cnn_arena_destroy(a);
}

static void pieces_do_not_overlap(void)
{
    enum { N = 2000 };
    cnn_arena *a = cnn_arena_create();
    unsigned char *pieces[N];
    for (size_t i = 0; i < N; i++) {
        pieces[i] = cnn_arena_alloc(a, i);
        memset(pieces[i], (int)(i % 251), i);
    }
    size_t wrong = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i; k++)
            wrong += pieces[i][k] != i % 251;
    CHECK_INT(wrong, 0);
    cnn_arena_destroy(a);
}

static void a_large_piece_leaves_the_room_of_the_chunk_before(void)
{
    cnn_arena *a = cnn_arena_create();
    char *first = cnn_arena_alloc(a, 16);
    (void)cnn_arena_alloc(a, 5u << 20);
    char *second = cnn_arena_alloc(a, 16);
    CHECK(second == first + 16);
    cnn_arena_destroy(a);
}

static void texts_are_copied_and_formatted(void)
{
    cnn_arena *a = cnn_arena_create();
    char word[] = "relu";
    char *copy = cnn_arena_string(a, word);
    word[0] = 'x';
    CHECK_STR(copy, "relu");
    CHECK_STR(cnn_arena_printf(a, "%s:%d", copy, 42), "relu:42");
    CHECK_STR(cnn_arena_printf(a, "%s", ""), "");
    char *wide = cnn_arena_printf(a, "%5000d", 1);
    CHECK_INT(strlen(wide), 5000);
    cnn_arena_destroy(a);
}

static void arrays_grow_and_keep_their_elements(void)
{
    cnn_arena *a = cnn_arena_create();
    int *items = NULL;
    int moves = 0;
    for (int i = 0; i < 1000; i++) {
        int *grown = cnn_arena_grow(a, items, (size_t)i, sizeof *items);
        moves += grown != items;
        items = grown;
        items[i] = i * i;
    }
    int wrong = 0;
    for (int i = 0; i < 1000; i++)
        wrong += items[i] != i * i;
    CHECK_INT(wrong, 0);
    CHECK_INT(moves, 9); /* 4, 8, ..., 1024 */
    cnn_arena_destroy(a);
}

static void destroying_nothing_is_fine(void)
{
    cnn_arena_destroy(NULL);
    CHECK(true);
}

int main(void)
{
    return RUN_TESTS(TEST(memory_is_zeroed_and_aligned), TEST(pieces_do_not_overlap),
                     TEST(a_large_piece_leaves_the_room_of_the_chunk_before),
                     TEST(texts_are_copied_and_formatted),
                     TEST(arrays_grow_and_keep_their_elements), TEST(destroying_nothing_is_fine));
}
