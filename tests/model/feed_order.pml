/* Mode feed, n = 4, f = 1, q = 3: two items of one key, a and b. Every honest member receives a before b, at its own
 * times; the liar lists what it likes in either order. Promised: when b is agreed, a was agreed before it or is in a
 * gap, whatever a proposer leaves out.
 *
 * a precedes b if PRECEDES of b's reporters list a before it. If each precedes the other, both are one component, and
 * their order is open. An item that is not decidable and precedes a decidable one expires whenever hold_back is over.
 *
 * Mutations, each of which must be refuted: -DPRECEDES=1 (the liar alone makes an order); -DPRECEDES=3 (one honest
 * reporter is not enough); -DCLOSED=0 (the decided set need not be closed); -DQUORUM=2; -DPASS_OVER=1 (a member whose
 * list is full lists newer items instead of older ones).
 */
#ifndef QUORUM
#define QUORUM 3
#endif
#ifndef PRECEDES
#define PRECEDES 2
#endif
#ifndef CLOSED
#define CLOSED 1
#endif
#ifndef PASS_OVER
#define PASS_OVER 0
#endif
#define kHonest 3

/* What a list holds. */
#define NONE 0
#define A 1
#define B 2
#define AB 3
#define BA 4

byte received[kHonest];  /* 0, 1: a, 2: a and b */
byte list[4];            /* of the reports in force */
bool a_agreed, b_agreed, a_gap;

byte i, with_a, with_b, a_first, b_first;

inline report(who) {
  if
  :: received[who] == 0 -> list[who] = NONE
  :: received[who] == 1 -> list[who] = A
  :: received[who] == 2 -> list[who] = AB
  :: PASS_OVER && received[who] == 2 -> list[who] = B
  fi
}

inline look() {
  with_a = 0; with_b = 0; a_first = 0; b_first = 0;
  i = 0;
  do
  :: i < 4 ->
     with_a = with_a + (list[i] == A || list[i] == AB || list[i] == BA);
     with_b = with_b + (list[i] == B || list[i] == AB || list[i] == BA);
     a_first = a_first + (list[i] == AB);
     b_first = b_first + (list[i] == BA);
     i++
  :: else -> break
  od
}

#define a_open (!a_agreed && !a_gap)
#define holds_b (CLOSED && a_open && a_first >= PRECEDES)
#define holds_a (CLOSED && !b_agreed && b_first >= PRECEDES)

inline block() {
  look();
  if
  :: a_open && with_a >= QUORUM && !holds_a -> a_agreed = true
  :: !b_agreed && with_b >= QUORUM && !holds_b ->
     b_agreed = true;
     assert(a_agreed || a_gap)
  /* One component, or a before b: both in one block, in an order that is the rule's. */
  :: a_open && !b_agreed && with_a >= QUORUM && with_b >= QUORUM && holds_b && !holds_a ->
     a_agreed = true; b_agreed = true
  :: a_open && !b_agreed && with_a >= QUORUM && with_b >= QUORUM && holds_b && holds_a ->
     /* Medians decide: b may be first. */
     b_agreed = true;
     assert(a_agreed || a_gap);
     a_agreed = true
  /* hold_back is over. */
  :: a_open && with_b >= QUORUM && with_a < QUORUM && holds_b -> a_gap = true
  :: skip  /* a proposer that leaves everything out */
  fi;
  i = 0; with_a = 0; with_b = 0; a_first = 0; b_first = 0
}

init {
  do
  :: a_agreed && b_agreed -> break
  :: else ->
     atomic {
       if
       :: received[0] < 2 -> received[0]++
       :: received[1] < 2 -> received[1]++
       :: received[2] < 2 -> received[2]++
       :: report(0)
       :: report(1)
       :: report(2)
       :: select(i : 0 .. 4); list[3] = i; i = 0
       :: block()
       fi
     }
  od
}
