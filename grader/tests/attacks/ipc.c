/* attack: idle tests open 0 - | System V and POSIX objects that outlive their process */
static void attack(void)
{
    shmget(0x10c5, 1 << 20, IPC_CREAT | 0666);
    semget(0x10c5, 1, IPC_CREAT | 0666);
    msgget(0x10c5, IPC_CREAT | 0666);
    ftruncate(shm_open("/lockstep-attack", O_RDWR | O_CREAT, 0666), 1 << 20);
    sem_open("/lockstep-attack", O_CREAT, 0666, 1);
}
