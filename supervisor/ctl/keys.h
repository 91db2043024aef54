/*
 * genkey, pubkey and genpsk, in WireGuard's manner: base64 on standard input
 * and output.
 */
#ifndef CTL_KEYS_H
#define CTL_KEYS_H

/* Each returns the exit status and says on standard error what is wrong. */
int keys_genkey(void);
int keys_pubkey(void);
int keys_genpsk(void);

#endif
