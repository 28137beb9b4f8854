/* Mode ordered, n = 4, f = 1, q = 3: which prefix of what the sockets bring is agreed, and when an epoch ends.
 *
 * Members 0 to 2 are honest; the fourth lies, and stands behind whatever is asked. What an honest member's socket
 * brings is a word of kLast bits, one for each message; servers may tell each member another. A head at p stands for
 * the first p bits: a hash chain. A report lists heads at P+1, P+2, P+4, ... and the newest, and stays in force until
 * the member's next one, however old: more than the W blocks of the rules. A proposer chooses p, x and the contents.
 *
 * Mutations, each of which must be refuted: -DQUORUM=2; -DCHAIN=0 (a digest alone, not a chain, is a head);
 * -DSILENCE=1 (who claims nothing at P+1 claims something else).
 */
#ifndef QUORUM
#define QUORUM 3
#endif
#ifndef CHAIN
#define CHAIN 1
#endif
#ifndef SILENCE
#define SILENCE 0
#endif
#define kHonest 3
#define kLast 3
#define FAULTY 1

#define prefix(w, p) ((w) & ((1 << (p)) - 1))
/* What a head says of the word w at position p. */
#define says(w, p) (CHAIN -> prefix(w, p) : ((w) >> ((p) - 1)) & 1)
#define power(d) ((d) == 1 || (d) == 2 || (d) == 4)
#define has_head(m, p) ((p) > base[m] && (p) <= newest[m] && (power((p) - base[m]) || (p) == newest[m]))

byte word[kHonest];      /* what the socket will have brought */
byte received[kHonest];  /* how many messages of it have come */
byte base[kHonest];      /* of the report in force: P when it was made */
byte newest[kHonest];    /* and how many messages had come */
byte position;           /* P */
byte agreed;             /* the first P bits */
bool ended;

byte i, p, x, y, chosen, count, most, total, value;

/* How many honest sections have a head within [p, x] on the chosen chain, plus the liar's. */
inline count_support() {
  count = 1;
  i = 0;
  do
  :: i < kHonest ->
     y = p;
     do
     :: y > x -> break
     :: y <= x && has_head(i, y) && says(word[i], y) == says(chosen, y) -> count++; break
     :: else -> y++
     od;
     i++
  :: else -> break
  od
}

inline decide() {
  /* Any p, x and contents that extend what is agreed. */
  select(p : 1 .. kLast);
  select(x : 1 .. kLast);
  select(chosen : 0 .. 7);
  if
  :: p > position && x >= p && prefix(chosen, position) == agreed ->
     count_support();
     if
     :: count >= QUORUM ->
        agreed = prefix(chosen, p);
        position = p;
        /* At least f+1 honest sockets have brought exactly this. */
        count = 0;
        i = 0;
        do
        :: i < kHonest -> count = count + (received[i] >= position && prefix(word[i], position) == agreed); i++
        :: else -> break
        od;
        assert(count >= FAULTY + 1)
     :: else -> skip
     fi
  :: else -> skip
  fi
}

/* More than f claim something else than the most claimed head; the liar claims what nobody does. */
inline judge() {
  most = 0;
  total = 1;
  value = 0;
  do
  :: value < 8 ->
     count = 0;
     i = 0;
     do
     :: i < kHonest -> count = count + (has_head(i, position + 1) && prefix(word[i], position + 1) == value); i++
     :: else -> break
     od;
     total = total + count;
     most = (count > most -> count : most);
     value++
  :: else -> break
  od;
  total = (SILENCE -> 4 : total);
  if
  :: total - most > FAULTY ->
     ended = true;
     /* Never while all servers say the same. */
     assert(word[0] != word[1] || word[1] != word[2])
  :: else -> skip
  fi
}

init {
  atomic {
    /* Bits have no meaning and members no names: the first word may be 0, and the others in order. */
    select(chosen : 0 .. 7);
    word[1] = chosen;
    do
    :: word[2] < 7 -> word[2]++
    :: word[2] >= word[1] -> break
    od;
    chosen = 0
  }
  do
  :: ended || position == kLast -> break
  :: else ->
     atomic {
       if
       :: received[0] < kLast -> received[0]++
       :: received[1] < kLast -> received[1]++
       :: received[2] < kLast -> received[2]++
       :: base[0] = position; newest[0] = received[0]
       :: base[1] = position; newest[1] = received[1]
       :: base[2] = position; newest[2] = received[2]
       :: decide()
       :: position < kLast -> judge()
       fi;
       i = 0; p = 0; x = 0; y = 0; chosen = 0; count = 0; most = 0; total = 0; value = 0
     }
  od
}
