/* attack: idle build open 0 compile-error | an error that takes more than 1 GB to say */
#define A "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define B A A A A A A A A A A
#define C B B B B B B B B B B
#define D C C C C C C C C C C
#define E D D D D D D D D D D
#define F E E E E E E E E E E
#define SAY _Static_assert(0, F);
#define MANY SAY SAY SAY SAY SAY SAY SAY SAY SAY SAY
MANY MANY MANY MANY MANY MANY MANY MANY MANY MANY
static void attack(void)
{
}
