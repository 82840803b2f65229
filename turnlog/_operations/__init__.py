"""Operations: chat, act, react and others on a branch."""
