/* attack: idle tests open 0 - | a server and an abstract socket outside, and the network */
static int go(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    inet_aton(host, &a.sin_addr);
    return connect(s, (struct sockaddr *)&a, sizeof a);
}
static int go_abstract(const char *name)
{
    struct {
        sa_family_t family;
        char path[108];
    } a = {.family = AF_UNIX};
    memcpy(a.path + 1, name, strlen(name));
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, (socklen_t)(3 + strlen(name)));
}
static void attack(void)
{
    if (go("127.0.0.1", atoi("@PORT@")) == 0 || go_abstract("@SOCKET@") == 0 || go("8.8.8.8", 53) == 0 ||
        go("169.254.169.254", 80) == 0 || socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || socket(AF_PACKET, SOCK_RAW, 0) >= 0)
        puts("ATTACK SUCCEEDED");
}
