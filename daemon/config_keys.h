/*
 * THE configuration table: every key of the daemon, one row each.
 *
 * KEY(name, type, default, placeholder, min, max, doc). From `name` follow the key in the file
 * (data_dir), the flag (--data-dir), the environment variable (FINETUNED_DATA_DIR) and the member
 * of struct config. A new key is a row here and a member there.
 */
#ifndef DAEMON_CONFIG_KEYS_H
#define DAEMON_CONFIG_KEYS_H

#define CONFIG_KEYS(KEY)                                                                           \
    KEY(listen, CONFIG_LIST, "127.0.0.1:8765", "ADDR:PORT", 1, 8,                                  \
        "Where to answer HTTP: an address and a port (0 takes a free one), or unix:/path. May be " \
        "given several times. Only loopback and UNIX sockets are allowed.")                        \
    KEY(data_dir, CONFIG_TEXT, "", "DIR", 1, 4000,                                                 \
        "Where everything is kept. Default: $STATE_DIRECTORY, else $XDG_STATE_HOME/finetuned, "    \
        "else ~/.local/state/finetuned.")                                                          \
    KEY(models_dir, CONFIG_LIST, "", "DIR", 0, 64,                                                 \
        "A folder of base models, each a Hugging Face model folder. May be given several times.")  \
    KEY(import_dir, CONFIG_LIST, "", "DIR", 0, 64,                                                 \
        "A folder below which models may be imported from by their path (POST "                    \
        "/v1/models/import). May be given several times; without it they come as archives only.")  \
    KEY(model_alias, CONFIG_ALIASES, "", "NAME=MODEL", 0, 256,                                     \
        "Another name for a model, for scripts that carry one. May be given several times; in "    \
        "the file also as lines of a section [model_alias].")                                      \
    KEY(threads, CONFIG_INTEGER, "0", "N", 0, 1024,                                                \
        "Compute threads of a job; 0: as many as the machine gives.")                              \
    KEY(workers, CONFIG_INTEGER, "1", "N", 1, 64,                                                  \
        "Jobs that run at once; threads are shared among them unless a job says its own.")         \
    KEY(min_free_bytes, CONFIG_BYTES, "256M", "SIZE", 0, 1099511627776,                            \
        "While less is free on the disk of the data directory, no job is started or accepted.")    \
    KEY(resume_interval, CONFIG_INTEGER, "60", "SECONDS", 0, 86400,                                \
        "How often the state of a running job is saved, from which it goes on after an "           \
        "interruption. Saving takes at most a twentieth of the time: the interval stretches.")     \
    KEY(keep_jobs_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                                     \
        "Remove ended jobs so many days after their end, with all that hangs on them; their "      \
        "models stay. 0: keep them for ever.")                                                     \
    KEY(keep_events_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                                   \
        "Remove the events of a job so many days after its end. 0: never.")                        \
    KEY(keep_metrics_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                                  \
        "Remove the metric points of a job so many days after its end; its latest values stay. "   \
        "0: never.")                                                                               \
    KEY(keep_resume_days, CONFIG_INTEGER, "30", "DAYS", 0, 36500,                                  \
        "Remove the saved states of a job that failed or was cancelled so many days after its "    \
        "end; sent again after that it starts from its beginning. 0: never.")                      \
    KEY(keep_checkpoints, CONFIG_INTEGER, "0", "N", 0, 36500,                                      \
        "How many checkpoints an ended job keeps: the newest, and beside them the best. 0: all "   \
        "that it has left.")                                                                       \
    KEY(keep_files_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                                    \
        "Remove uploaded files so many days after their upload, unless a job or an evaluation "    \
        "that has not ended needs them. 0: never.")                                                \
    KEY(keep_models_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                                   \
        "Remove fine-tuned models so many days after they were made, unless a job or an "          \
        "evaluation that has not ended needs them. 0: never.")                                     \
    KEY(keep_evaluations_days, CONFIG_INTEGER, "0", "DAYS", 0, 36500,                              \
        "Remove evaluations that were asked for so many days after their end. 0: never.")          \
    KEY(engine, CONFIG_TEXT, "auto", "NAME", 1, 40,                                                \
        "What computes matrix products: native, onednn, openblas, or auto, the best that is "      \
        "here. "                                                                                   \
        "The environment variable counts for finetuned run and finetuned predict, too.")           \
    KEY(max_file_bytes, CONFIG_BYTES, "512M", "SIZE", 1, 1099511627776,                            \
        "The largest file that may be uploaded; K, M and G are powers of 1024.")                   \
    KEY(max_connections, CONFIG_INTEGER, "2048", "N", 8, 65536,                                    \
        "HTTP connections at once, on each listener.")                                             \
    KEY(max_streams, CONFIG_INTEGER, "1024", "N", 1, 65536,                                        \
        "Event streams of jobs at once; each holds one of the connections.")                       \
    KEY(log_level, CONFIG_LEVEL, "info", "LEVEL", 0, 0,                                            \
        "The least that is logged: debug, info, warn or error.")                                   \
    KEY(log_format, CONFIG_FORMAT, "text", "FORMAT", 0, 0,                                         \
        "How lines of the log look: text, or json, one object a line with the time.")              \
    KEY(port_file, CONFIG_TEXT, "", "FILE", 0, 4000,                                               \
        "Write the real port of the first listener here when ready; for scripts.")

#endif
