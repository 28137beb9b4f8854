/* Mode feed, n = 4, f = 1, q = 3: no copy of a content is agreed twice, and none that f or fewer honest members saw.
 *
 * One content, which each honest member receives up to kCopies times, whenever it likes. The report of height h is made
 * on the state after h-1 and may be in block h+1; a member's newest report is in force for IN_FORCE blocks. Copies that
 * were settled since a report's base are subtracted, as far back as MEMORY blocks remember. The liar lists what it
 * likes, and a proposer decides as many of the supported copies as it likes.
 *
 * Mutations, each of which must be refuted: -DQUORUM=2; -DMEMORY=1; -DSUBTRACT=0. (Not -DCREDIT=0, by which a copy that
 * comes after it was settled is listed again: it has used up nothing yet, so credits only spare the wait until it is
 * dropped.)
 */
#ifndef QUORUM
#define QUORUM 3
#endif
#ifndef IN_FORCE
#define IN_FORCE 2
#endif
#ifndef MEMORY
#define MEMORY (IN_FORCE + 2)
#endif
#ifndef SUBTRACT
#define SUBTRACT 1
#endif
#ifndef CREDIT
#define CREDIT 1
#endif
#define kHonest 3
#define kMembers 4
#define kCopies 1
#define kHeights 5

byte height = 1;                 /* of the block that is made next */
byte seen[kHonest], unsettled[kHonest], credits[kHonest];
byte settled[kHeights + 1];      /* copies, by block */
byte made[kMembers];             /* the reports of height - 1 */
byte listed[kMembers];           /* of the reports in force: how many copies, */
byte of_height[kMembers];        /* of which height, */
byte in_block[kMembers];         /* and in which block; 0: none yet */
byte decided;

byte i, j, m, copies, support, fresh[kMembers];

inline receive(who) {
  seen[who]++;
  if
  :: CREDIT && credits[who] > 0 -> credits[who]--
  :: else -> unsettled[who]++
  fi
}

/* Any of the reports of height - 1 may be in this block. */
inline include_reports() {
  m = 0;
  do
  :: m < kMembers && height > 1 ->
     if
     :: listed[m] = made[m]; of_height[m] = height - 1; in_block[m] = height
     :: skip
     fi;
     m++
  :: else -> break
  od
}

/* Members whose reports in force list a copies-th copy that is not settled. */
inline count_support() {
  support = 0;
  m = 0;
  do
  :: m < kMembers ->
     if
     :: in_block[m] > 0 && in_block[m] + IN_FORCE > height ->
        i = 0;
        j = of_height[m];
        do
        :: SUBTRACT && j < height -> i = i + (j + MEMORY + 1 > height -> settled[j] : 0); j++
        :: else -> break
        od;
        support = support + (listed[m] >= copies + i)
     :: else -> skip
     fi;
     m++
  :: else -> break
  od
}

inline settle() {
  settled[height] = copies;
  decided = decided + copies;
  m = 0;
  do
  :: m < kHonest ->
     j = copies;
     do
     :: j > 0 && unsettled[m] > 0 -> unsettled[m]--; j--
     :: j > 0 && unsettled[m] == 0 -> credits[m]++; j--
     :: else -> break
     od;
     m++
  :: else -> break
  od
}

inline block() {
  include_reports();
  /* The reports of this height are made before it is executed. */
  fresh[0] = unsettled[0];
  fresh[1] = unsettled[1];
  fresh[2] = unsettled[2];
  select(i : 0 .. 2);
  fresh[3] = i;
  copies = 1;
  do
  :: count_support();
     if
     :: support >= QUORUM && copies < 3 -> copies++
     :: support >= QUORUM -> break
     :: else -> copies--; break
     fi
  :: copies > 1 -> copies--; break  /* a proposer that takes fewer */
  :: copies == 1 -> copies = 0; break
  od;
  settle();
  /* Each agreed copy has used up one of at least f+1 honest members. */
  assert(2 * decided <= seen[0] + seen[1] + seen[2]);
  made[0] = fresh[0];
  made[1] = fresh[1];
  made[2] = fresh[2];
  made[3] = fresh[3];
  height++;
  i = 0; j = 0; m = 0; copies = 0; support = 0;
  fresh[0] = 0; fresh[1] = 0; fresh[2] = 0; fresh[3] = 0
}

init {
  do
  :: height > kHeights -> break
  :: else ->
     atomic {
       if
       :: seen[0] < kCopies -> receive(0)
       :: seen[1] < kCopies -> receive(1)
       :: seen[2] < kCopies -> receive(2)
       :: block()
       fi
     }
  od
}
