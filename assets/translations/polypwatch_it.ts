<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="it">
<context>
    <name>polypwatch</name>
    <message>
        <source> through {0}</source>
        <translation> tramite {0}</translation>
    </message>
    <message>
        <source>'internal' is an answer for a licence.</source>
        <translation>'internal' è una risposta per la licenza.</translation>
    </message>
    <message>
        <source>'{0}' cannot be the copy's name.</source>
        <translation>'{0}' non può essere il nome della copia.</translation>
    </message>
    <message>
        <source>'{0}' had {1} frames, and now {2} were counted</source>
        <translation>'{0}' aveva {1} fotogrammi, e ora ne sono stati contati {2}</translation>
    </message>
    <message>
        <source>'{0}' held {1} bytes, and '{2}' holds {3}</source>
        <translation>'{0}' conteneva {1} byte, e '{2}' ne contiene {3}</translation>
    </message>
    <message>
        <source>'{0}' is no key; keys are written as P, F13, PgDown or Ctrl+Shift+P</source>
        <translation>'{0}' non è un tasto; i tasti si scrivono come P, F13, PgDown o Ctrl+Shift+P</translation>
    </message>
    <message>
        <source>'{0}' sets nothing.</source>
        <translation>'{0}' non imposta nulla.</translation>
    </message>
    <message>
        <source>'{text}' is no place here. Type a time (12:30), seconds (750.5) or a frame (#18750).</source>
        <translation>'{text}' qui non è un punto. Scrivere un tempo (12:30), secondi (750,5) o un fotogramma (#18750).</translation>
    </message>
    <message>
        <source>(was {value})</source>
        <translation>(era {value})</translation>
    </message>
    <message>
        <source>+ mixed</source>
        <translation>+ mista</translation>
    </message>
    <message>
        <source>, /dev/shm does not exist</source>
        <translation>, /dev/shm non esiste</translation>
    </message>
    <message>
        <source>, per minute</source>
        <translation>, al minuto</translation>
    </message>
    <message>
        <source>, per procedure</source>
        <translation>, per procedura</translation>
    </message>
    <message>
        <source>, {0} are free in /dev/shm</source>
        <translation>, in /dev/shm sono liberi {0}</translation>
    </message>
    <message>
        <source>-{n} min</source>
        <translation>-{n} min</translation>
    </message>
    <message>
        <source>-{n} s</source>
        <translation>-{n} s</translation>
    </message>
    <message>
        <source>1 FRAME NOT ANALYSED</source>
        <translation>1 FOTOGRAMMA NON ANALIZZATO</translation>
    </message>
    <message>
        <source>1 lesion</source>
        <translation>1 lesione</translation>
    </message>
    <message>
        <source>1 procedure</source>
        <translation>1 procedura</translation>
    </message>
    <message>
        <source>10 mm and more</source>
        <translation>10 mm e oltre</translation>
    </message>
    <message>
        <source>6 to 9 mm</source>
        <translation>da 6 a 9 mm</translation>
    </message>
    <message>
        <source>95 % interval</source>
        <translation>Intervallo al 95 %</translation>
    </message>
    <message>
        <source>95 % interval of {model}</source>
        <translation>Intervallo al 95 % di {model}</translation>
    </message>
    <message>
        <source>A PART OF THE PAGE HAS FAILED</source>
        <translation>UNA PARTE DELLA PAGINA È GUASTA</translation>
    </message>
    <message>
        <source>A better by</source>
        <translation>A meglio di</translation>
    </message>
    <message>
        <source>A blinded review is published once its reader has committed.</source>
        <translation>Una revisione in cieco si pubblica dopo che il lettore l'ha conclusa.</translation>
    </message>
    <message>
        <source>A box needs four numbers, not {0}.</source>
        <translation>Per un riquadro servono quattro numeri, non {0}.</translation>
    </message>
    <message>
        <source>A box of {0} x {1} pixels is too small to be meant.</source>
        <translation>Un riquadro di {0} x {1} pixel è troppo piccolo per essere voluto.</translation>
    </message>
    <message>
        <source>A box or a score is not one.</source>
        <translation>Un riquadro o un punteggio non è tale.</translation>
    </message>
    <message>
        <source>A box or score is damaged: {0}.</source>
        <translation>Un riquadro o un punteggio è danneggiato: {0}.</translation>
    </message>
    <message>
        <source>A box was painted on a lesion of the phantom (overlap {0}).</source>
        <translation>Un riquadro è apparso su una lesione del fantoccio (sovrapposizione {0}).</translation>
    </message>
    <message>
        <source>A box without score is damaged.</source>
        <translation>Un riquadro senza punteggio è danneggiato.</translation>
    </message>
    <message>
        <source>A chosen box down by 10 px</source>
        <translation>Riquadro scelto in giù di 10 px</translation>
    </message>
    <message>
        <source>A chosen box up by 10 px</source>
        <translation>Riquadro scelto in su di 10 px</translation>
    </message>
    <message>
        <source>A comparison is of all procedures together.</source>
        <translation>Un confronto è di tutte le procedure insieme.</translation>
    </message>
    <message>
        <source>A file</source>
        <translation>Un file</translation>
    </message>
    <message>
        <source>A foot pedal is a keyboard: click, then step on it. At the next start.</source>
        <translation>Un pedale è una tastiera: fare clic, poi premere il pedale. Vale dal prossimo avvio.</translation>
    </message>
    <message>
        <source>A handover needs a name and a licence.</source>
        <translation>Per una consegna servono un nome e una licenza.</translation>
    </message>
    <message>
        <source>A has boxed lesion {n} here. B has looked at these frames, too, and has no box.</source>
        <translation>A ha tracciato qui la lesione {n}. Anche B ha guardato questi fotogrammi, e non ha riquadri.</translation>
    </message>
    <message>
        <source>A is right</source>
        <translation>Ha ragione A</translation>
    </message>
    <message>
        <source>A lesion has no '{0}'.</source>
        <translation>Una lesione non ha '{0}'.</translation>
    </message>
    <message>
        <source>A lesion keeps at least one of its pictures.</source>
        <translation>Una lesione conserva almeno una delle sue immagini.</translation>
    </message>
    <message>
        <source>A live picture cannot be held.</source>
        <translation>Un'immagine dal vivo non si può fermare.</translation>
    </message>
    <message>
        <source>A marker stays down to this part of the threshold.</source>
        <translation>Un marcatore resta fino a questa parte della soglia.</translation>
    </message>
    <message>
        <source>A new marker draws attention once.</source>
        <translation>Un nuovo marcatore richiama l'attenzione una volta.</translation>
    </message>
    <message>
        <source>A only</source>
        <translation>Solo A</translation>
    </message>
    <message>
        <source>A part of the video has {0} bytes, more than a DICOM fragment holds.</source>
        <translation>Una parte del video ha {0} byte, più di quanto contiene un frammento DICOM.</translation>
    </message>
    <message>
        <source>A preset holds the other sections.</source>
        <translation>Una preimpostazione contiene le altre sezioni.</translation>
    </message>
    <message>
        <source>A reader has changed their review since this was begun: decisions stand on what was said then.</source>
        <translation>Un lettore ha modificato la sua revisione dopo l'inizio: le decisioni valgono per ciò che era stato detto allora.</translation>
    </message>
    <message>
        <source>A recording has begun: the self-test was ended.</source>
        <translation>È iniziata una registrazione: l'autotest è stato terminato.</translation>
    </message>
    <message>
        <source>A reviewer needs a name with letters or digits.</source>
        <translation>Al revisore serve un nome con lettere o cifre.</translation>
    </message>
    <message>
        <source>A room's threshold is at least 0.01.</source>
        <translation>La soglia di una sala è almeno 0,01.</translation>
    </message>
    <message>
        <source>A snapshot is NAME.png, NAME.clean.png and NAME.json.</source>
        <translation>Una fotografia è NOME.png, NOME.clean.png e NOME.json.</translation>
    </message>
    <message>
        <source>A threshold belongs to one model: choose the procedures of one.</source>
        <translation>Una soglia appartiene a un solo modello: scegliere le procedure di uno.</translation>
    </message>
    <message>
        <source>A tilde: what the file claims; it is counted when it is opened.</source>
        <translation>Una tilde: ciò che dichiara il file; si conta quando lo si apre.</translation>
    </message>
    <message>
        <source>A time (12:30), seconds (750.5) or a frame (#18750)</source>
        <translation>Un tempo (12:30), secondi (750,5) o un fotogramma (#18750)</translation>
    </message>
    <message>
        <source>A value for '{0}' is needed.</source>
        <translation>Serve un valore per '{0}'.</translation>
    </message>
    <message>
        <source>A video file is empty.</source>
        <translation>Un file video è vuoto.</translation>
    </message>
    <message>
        <source>A video without pictures cannot be exported.</source>
        <translation>Un video senza immagini non si può esportare.</translation>
    </message>
    <message>
        <source>A was {a}, B was {b}.</source>
        <translation>A era {a}, B era {b}.</translation>
    </message>
    <message>
        <source>A window of the QA room is open and works with what is kept.</source>
        <translation>È aperta una finestra della sala qualità, che lavora con ciò che è conservato.</translation>
    </message>
    <message>
        <source>AI</source>
        <translation>IA</translation>
    </message>
    <message>
        <source>AI BEHIND</source>
        <translation>IA IN RITARDO</translation>
    </message>
    <message>
        <source>AI DETECTING</source>
        <translation>IA SEGNALA</translation>
    </message>
    <message>
        <source>AI FAILED</source>
        <translation>IA GUASTA</translation>
    </message>
    <message>
        <source>AI OFF</source>
        <translation>IA SPENTA</translation>
    </message>
    <message>
        <source>AI READY</source>
        <translation>IA PRONTA</translation>
    </message>
    <message>
        <source>AI RESTARTING</source>
        <translation>IA SI RIAVVIA</translation>
    </message>
    <message>
        <source>AI STALLED</source>
        <translation>IA BLOCCATA</translation>
    </message>
    <message>
        <source>AI STARTING</source>
        <translation>IA SI AVVIA</translation>
    </message>
    <message>
        <source>AI WAITS</source>
        <translation>IA IN ATTESA</translation>
    </message>
    <message>
        <source>AI and boxes</source>
        <translation>IA e riquadri</translation>
    </message>
    <message>
        <source>AI has failed</source>
        <translation>L'IA è guasta</translation>
    </message>
    <message>
        <source>AI has stalled</source>
        <translation>L'IA è bloccata</translation>
    </message>
    <message>
        <source>AI is behind</source>
        <translation>L'IA è in ritardo</translation>
    </message>
    <message>
        <source>AI is restarting</source>
        <translation>L'IA si riavvia</translation>
    </message>
    <message>
        <source>AI is starting</source>
        <translation>L'IA si avvia</translation>
    </message>
    <message>
        <source>AI off</source>
        <translation>IA spenta</translation>
    </message>
    <message>
        <source>AI on</source>
        <translation>IA accesa</translation>
    </message>
    <message>
        <source>AI on or off</source>
        <translation>Accendere o spegnere l'IA</translation>
    </message>
    <message>
        <source>AI suppressed</source>
        <translation>IA sospesa</translation>
    </message>
    <message>
        <source>AI, live marks, identity and other readers stay hidden until you have committed your review.</source>
        <translation>IA, segni dal vivo, identità e altri lettori restano nascosti finché la propria revisione non è conclusa.</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Aggiungere una cartella</translation>
    </message>
    <message>
        <source>Add a folder to the library</source>
        <translation>Aggiungere una cartella all'archivio</translation>
    </message>
    <message>
        <source>Add a folder to the library…</source>
        <translation>Aggiungi una cartella all'archivio…</translation>
    </message>
    <message>
        <source>Add a folder with recordings to the library.</source>
        <translation>Aggiungere all'archivio una cartella con registrazioni.</translation>
    </message>
    <message>
        <source>Add a folder…</source>
        <translation>Aggiungi una cartella…</translation>
    </message>
    <message>
        <source>Add the folder in which recordings are kept, or drop a folder or a video on this window. Videos (MP4, MKV, AVI, MOV, MPG, TS), DICOM videos and folders of images are found in it, too. Nothing is copied or moved.</source>
        <translation>Aggiungere la cartella in cui si tengono le registrazioni, o trascinare una cartella o un video su questa finestra. Vi si trovano anche video (MP4, MKV, AVI, MOV, MPG, TS), video DICOM e cartelle di immagini. Nulla viene copiato o spostato.</translation>
    </message>
    <message>
        <source>Address already in use</source>
        <translation>Indirizzo già in uso</translation>
    </message>
    <message>
        <source>Adenoma detection rate (ADR)</source>
        <translation>Tasso di rilevazione degli adenomi (ADR)</translation>
    </message>
    <message>
        <source>Adjudicate when both have.</source>
        <translation>Arbitrare quando entrambi hanno concluso.</translation>
    </message>
    <message>
        <source>Adjudicated</source>
        <translation>Arbitrata</translation>
    </message>
    <message>
        <source>Against</source>
        <translation>Contro</translation>
    </message>
    <message>
        <source>Alerts are silent: {reason}.</source>
        <translation>Segnalazioni senza suono: {reason}.</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Tutte</translation>
    </message>
    <message>
        <source>All differences are settled.</source>
        <translation>Tutte le differenze sono risolte.</translation>
    </message>
    <message>
        <source>All differences are settled. Ctrl+Enter publishes.</source>
        <translation>Tutte le differenze sono risolte. Ctrl+Invio pubblica.</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>Tutti i file</translation>
    </message>
    <message>
        <source>All of it</source>
        <translation>Tutta</translation>
    </message>
    <message>
        <source>All of it: I have looked, nothing stands in it</source>
        <translation>Tutta: ho guardato, non vi è scritto nulla</translation>
    </message>
    <message>
        <source>All of the library</source>
        <translation>Tutto l'archivio</translation>
    </message>
    <message>
        <source>All reviewed frames</source>
        <translation>Tutti i fotogrammi rivisti</translation>
    </message>
    <message>
        <source>All saved</source>
        <translation>Tutto salvato</translation>
    </message>
    <message>
        <source>All that models and people marked never shows what everybody missed. Windows of six seconds in which nothing was on the screen are drawn by chance from these {count} procedures, and you say whether a polyp is there. No box is shown. The result is the AI's sensitivity with its error; it is shown when all windows are answered, because looking on the way would bias it. You can stop at any time and go on later.</source>
        <translation>Ciò che modelli e persone hanno segnato non mostra mai ciò che è sfuggito a tutti. Da queste {count} procedure si estraggono a caso finestre di sei secondi in cui sullo schermo non c'era nulla, e chi rivede dice se c'è un polipo. Non si mostrano riquadri. Il risultato è la sensibilità dell'IA con il suo errore; appare quando tutte le finestre hanno una risposta, perché guardare prima lo falserebbe. Si può smettere in ogni momento e continuare più tardi.</translation>
    </message>
    <message>
        <source>All {count} procedures</source>
        <translation>Tutte le {count} procedure</translation>
    </message>
    <message>
        <source>All {of} procedures.</source>
        <translation>Tutte le {of} procedure.</translation>
    </message>
    <message>
        <source>Also a report of each procedure by itself</source>
        <translation>Anche un rapporto di ogni singola procedura</translation>
    </message>
    <message>
        <source>Also in light that the model was not validated in: nobody knows how well it works there.</source>
        <translation>Anche con una luce per cui il modello non è stato validato: nessuno sa quanto bene funzioni lì.</translation>
    </message>
    <message>
        <source>An answer of the worklist is not valid: {0}.</source>
        <translation>Una risposta della lista di lavoro non è valida: {0}.</translation>
    </message>
    <message>
        <source>An ethics vote, a contract</source>
        <translation>Un parere etico, un contratto</translation>
    </message>
    <message>
        <source>An examination runs already.</source>
        <translation>Un esame è già in corso.</translation>
    </message>
    <message>
        <source>An examination was not ended: {id}</source>
        <translation>Un esame non è stato concluso: {id}</translation>
    </message>
    <message>
        <source>An own box is needed within frames {0} to {1}.</source>
        <translation>Serve un riquadro proprio tra i fotogrammi {0} e {1}.</translation>
    </message>
    <message>
        <source>Analyse</source>
        <translation>Analizza</translation>
    </message>
    <message>
        <source>Analyse beside the live window all the same</source>
        <translation>Analizzare comunque accanto alla finestra dal vivo</translation>
    </message>
    <message>
        <source>Analyse in the background</source>
        <translation>Analizzare in sottofondo</translation>
    </message>
    <message>
        <source>Analyse it first.</source>
        <translation>Prima analizzarla.</translation>
    </message>
    <message>
        <source>Analyse it: polypwatch detect PATH --beside.</source>
        <translation>Analizzarla: polypwatch detect PATH --beside.</translation>
    </message>
    <message>
        <source>Analyse the same procedures with both models.</source>
        <translation>Analizzare le stesse procedure con entrambi i modelli.</translation>
    </message>
    <message>
        <source>Analyse the video again.</source>
        <translation>Analizzare di nuovo il video.</translation>
    </message>
    <message>
        <source>Analyse them</source>
        <translation>Analizzale</translation>
    </message>
    <message>
        <source>Analyse this one: polypwatch detect VIDEO --json FILE.</source>
        <translation>Analizzare questo: polypwatch detect VIDEO --json FILE.</translation>
    </message>
    <message>
        <source>Analyses</source>
        <translation>Analisi</translation>
    </message>
    <message>
        <source>Analyses: {state}</source>
        <translation>Analisi: {state}</translation>
    </message>
    <message>
        <source>Another Polypwatch is changing {0}.</source>
        <translation>Un altro Polypwatch sta modificando {0}.</translation>
    </message>
    <message>
        <source>Another Polypwatch kept it aside.</source>
        <translation>Un altro Polypwatch lo ha messo da parte.</translation>
    </message>
    <message>
        <source>Another program holds the library's index {0}.</source>
        <translation>Un altro programma tiene l'indice dell'archivio {0}.</translation>
    </message>
    <message>
        <source>Another program may use it: close that one, or replug the device.</source>
        <translation>Forse la usa un altro programma: chiuderlo, o ricollegare il dispositivo.</translation>
    </message>
    <message>
        <source>Another reviewer</source>
        <translation>Un altro revisore</translation>
    </message>
    <message>
        <source>Another window has this review open.</source>
        <translation>Questa revisione è aperta in un'altra finestra.</translation>
    </message>
    <message>
        <source>As 4:3. Empty: its pixels are square.</source>
        <translation>Come 4:3. Vuoto: i pixel sono quadrati.</translation>
    </message>
    <message>
        <source>As decoded</source>
        <translation>Come decodificati</translation>
    </message>
    <message>
        <source>As format=UYVY@1920x1080@50. Empty: as the rule chooses.</source>
        <translation>Come format=UYVY@1920x1080@50. Vuoto: come sceglie la regola.</translation>
    </message>
    <message>
        <source>As found</source>
        <translation>Come rilevato</translation>
    </message>
    <message>
        <source>As it comes</source>
        <translation>Così com'è</translation>
    </message>
    <message>
        <source>As it is</source>
        <translation>Com'è</translation>
    </message>
    <message>
        <source>As it is typed; the set-up (F2) chooses it with a look at the picture.</source>
        <translation>Come si digita; la configurazione (F2) la sceglie mostrando l'immagine.</translation>
    </message>
    <message>
        <source>As it was</source>
        <translation>Com'era</translation>
    </message>
    <message>
        <source>As it was recorded (own recordings)</source>
        <translation>Com'è stata registrata (registrazioni proprie)</translation>
    </message>
    <message>
        <source>As set here</source>
        <translation>Come impostato qui</translation>
    </message>
    <message>
        <source>As the preset</source>
        <translation>Come la preimpostazione</translation>
    </message>
    <message>
        <source>Ask for the right to read it, or copy it to your own folder.</source>
        <translation>Chiedere il permesso di leggerlo, o copiarlo in una cartella propria.</translation>
    </message>
    <message>
        <source>Ask for the right to read it, or copy the images.</source>
        <translation>Chiedere il permesso di leggerla, o copiare le immagini.</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatico</translation>
    </message>
    <message>
        <source>Automatic: the cores that picture and recording leave.</source>
        <translation>Automatico: i core che immagine e registrazione lasciano liberi.</translation>
    </message>
    <message>
        <source>B has boxed lesion {n} here. A has looked at these frames, too, and has no box.</source>
        <translation>B ha tracciato qui la lesione {n}. Anche A ha guardato questi fotogrammi, e non ha riquadri.</translation>
    </message>
    <message>
        <source>B is right</source>
        <translation>Ha ragione B</translation>
    </message>
    <message>
        <source>B only</source>
        <translation>Solo B</translation>
    </message>
    <message>
        <source>BBPS left</source>
        <translation>BBPS sinistro</translation>
    </message>
    <message>
        <source>BBPS right</source>
        <translation>BBPS destro</translation>
    </message>
    <message>
        <source>BBPS total</source>
        <translation>BBPS totale</translation>
    </message>
    <message>
        <source>BBPS transverse</source>
        <translation>BBPS trasverso</translation>
    </message>
    <message>
        <source>BLINDED</source>
        <translation>IN CIECO</translation>
    </message>
    <message>
        <source>BLINDED: AI, marks and other readers are hidden until you commit.</source>
        <translation>IN CIECO: IA, segni e altri lettori sono nascosti fino alla conclusione.</translation>
    </message>
    <message>
        <source>BOXES HIDDEN</source>
        <translation>RIQUADRI NASCOSTI</translation>
    </message>
    <message>
        <source>BOXES HIDDEN {time}</source>
        <translation>RIQUADRI NASCOSTI {time}</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Indietro</translation>
    </message>
    <message>
        <source>Back to the defaults</source>
        <translation>Ai valori predefiniti</translation>
    </message>
    <message>
        <source>Back to the picture</source>
        <translation>Torna all'immagine</translation>
    </message>
    <message>
        <source>Back: take the last answer back</source>
        <translation>Indietro: annullare l'ultima risposta</translation>
    </message>
    <message>
        <source>Background analyses</source>
        <translation>Analisi in sottofondo</translation>
    </message>
    <message>
        <source>Begin</source>
        <translation>Inizia</translation>
    </message>
    <message>
        <source>Begin in full screen.</source>
        <translation>Cominciare a schermo intero.</translation>
    </message>
    <message>
        <source>Begun</source>
        <translation>Iniziato</translation>
    </message>
    <message>
        <source>Below this there is a quiet hint.</source>
        <translation>Al di sotto appare un avviso discreto.</translation>
    </message>
    <message>
        <source>Best frames</source>
        <translation>Immagini migliori</translation>
    </message>
    <message>
        <source>Between which two</source>
        <translation>Tra quali due</translation>
    </message>
    <message>
        <source>Black, lost, not analysed</source>
        <translation>Neri, persi, non analizzati</translation>
    </message>
    <message>
        <source>Blinded: shown once you have committed your review.</source>
        <translation>In cieco: mostrato dopo aver concluso la propria revisione.</translation>
    </message>
    <message>
        <source>Bookmark</source>
        <translation>Segnalibro</translation>
    </message>
    <message>
        <source>Both have boxed it, as lesion {a} of A and {b} of B. The boxes overlap by as little as {iou}.</source>
        <translation>Entrambi l'hanno tracciata, come lesione {a} di A e {b} di B. I riquadri si sovrappongono solo per {iou}.</translation>
    </message>
    <message>
        <source>Both say the same of all frames that both looked at.</source>
        <translation>Entrambi dicono lo stesso di tutti i fotogrammi che entrambi hanno guardato.</translation>
    </message>
    <message>
        <source>Both {0} and {1} label {2}.</source>
        <translation>Sia {0} sia {1} annotano {2}.</translation>
    </message>
    <message>
        <source>Bottom first</source>
        <translation>Prima l'inferiore</translation>
    </message>
    <message>
        <source>Box</source>
        <translation>Riquadro</translation>
    </message>
    <message>
        <source>Boxes</source>
        <translation>Riquadri</translation>
    </message>
    <message>
        <source>Boxes also in light that the model was not validated in</source>
        <translation>Riquadri anche con una luce per cui il modello non è validato</translation>
    </message>
    <message>
        <source>Boxes are hidden: they would be old.</source>
        <translation>I riquadri sono nascosti: sarebbero vecchi.</translation>
    </message>
    <message>
        <source>Boxes are shown in every light.</source>
        <translation>I riquadri sono mostrati con ogni luce.</translation>
    </message>
    <message>
        <source>Boxes are shown in validated light only.</source>
        <translation>I riquadri sono mostrati solo con la luce validata.</translation>
    </message>
    <message>
        <source>Boxes are shown whatever the picture is.</source>
        <translation>I riquadri sono mostrati comunque sia l'immagine.</translation>
    </message>
    <message>
        <source>Boxes can be drawn in the frames that are in question: the chosen range of the timeline.</source>
        <translation>I riquadri si possono disegnare nei fotogrammi in questione: il tratto scelto della linea del tempo.</translation>
    </message>
    <message>
        <source>Boxes come back by themselves.</source>
        <translation>I riquadri tornano da soli.</translation>
    </message>
    <message>
        <source>Boxes in any light</source>
        <translation>Riquadri con ogni luce</translation>
    </message>
    <message>
        <source>Boxes of other readers: on or off</source>
        <translation>Riquadri di altri lettori: sì o no</translation>
    </message>
    <message>
        <source>Boxes of re-analysis A: on or off</source>
        <translation>Riquadri della rianalisi A: sì o no</translation>
    </message>
    <message>
        <source>Boxes of re-analysis B: on or off</source>
        <translation>Riquadri della rianalisi B: sì o no</translation>
    </message>
    <message>
        <source>Boxes of the published labels: on or off</source>
        <translation>Riquadri delle annotazioni pubblicate: sì o no</translation>
    </message>
    <message>
        <source>Boxes on the second monitor</source>
        <translation>Riquadri sul secondo monitor</translation>
    </message>
    <message>
        <source>Boxes on the second monitor, too</source>
        <translation>Riquadri anche sul secondo monitor</translation>
    </message>
    <message>
        <source>Boxes shown live: on or off</source>
        <translation>Riquadri mostrati dal vivo: sì o no</translation>
    </message>
    <message>
        <source>Boxes that were hidden come back after this.</source>
        <translation>I riquadri nascosti tornano dopo questo tempo.</translation>
    </message>
    <message>
        <source>Boxes were painted, but none lay on a lesion (best overlap {0}).</source>
        <translation>Sono apparsi riquadri, ma nessuno su una lesione (sovrapposizione massima {0}).</translation>
    </message>
    <message>
        <source>Bring hidden boxes back at once</source>
        <translation>Far tornare subito i riquadri nascosti</translation>
    </message>
    <message>
        <source>By group</source>
        <translation>Per gruppo</translation>
    </message>
    <message>
        <source>CLEAN PICTURE: NO POLYPS ARE MARKED HERE</source>
        <translation>IMMAGINE PULITA: QUI I POLIPI NON SONO SEGNALATI</translation>
    </message>
    <message>
        <source>CUDA failed in {0}: {1} ({2}).</source>
        <translation>CUDA ha fallito in {0}: {1} ({2}).</translation>
    </message>
    <message>
        <source>Caecum</source>
        <translation>Cieco</translation>
    </message>
    <message>
        <source>Caecum reached</source>
        <translation>Cieco raggiunto</translation>
    </message>
    <message>
        <source>Caecum reached: withdrawal begins</source>
        <translation>Cieco raggiunto: inizia la retrazione</translation>
    </message>
    <message>
        <source>Cameras and grabbers</source>
        <translation>Telecamere e schede di acquisizione</translation>
    </message>
    <message>
        <source>Cameras are numbered from 0: try camera:0 or camera:1.</source>
        <translation>Le telecamere sono numerate da 0: provare camera:0 o camera:1.</translation>
    </message>
    <message>
        <source>Cameras of {0} cannot be listed.</source>
        <translation>Le telecamere di {0} non si possono elencare.</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annulla</translation>
    </message>
    <message>
        <source>Candidate model</source>
        <translation>Modello candidato</translation>
    </message>
    <message>
        <source>Candidates' scores</source>
        <translation>Punteggi dei candidati</translation>
    </message>
    <message>
        <source>Cannot be opened</source>
        <translation>Non si apre</translation>
    </message>
    <message>
        <source>Cannot be used as it is: {problem}.</source>
        <translation>Così non si può usare: {problem}.</translation>
    </message>
    <message>
        <source>Cannot read the annotation {0}: {1}.</source>
        <translation>L'annotazione {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the examination {0}: {1}.</source>
        <translation>L'esame {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the model file {0}: {1}.</source>
        <translation>Il file del modello {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the model manifest {0}: {1}.</source>
        <translation>Il manifesto del modello {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the results in {0}: {1}.</source>
        <translation>I risultati in {0} non si possono leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the review {0}: {1}.</source>
        <translation>La revisione {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the room file {0}: {1}.</source>
        <translation>Il file della sala {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read {0}: {1}.</source>
        <translation>{0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot record into {0}: {1}.</source>
        <translation>Non si può registrare in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot rename {0}: {1}.</source>
        <translation>{0} non si può rinominare: {1}.</translation>
    </message>
    <message>
        <source>Cannot use {0} for the lock of the window: {1}.</source>
        <translation>{0} non si può usare per il blocco della finestra: {1}.</translation>
    </message>
    <message>
        <source>Cannot write into {0}: {1}.</source>
        <translation>Non si può scrivere in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the journal {0}: {1}.</source>
        <translation>Il registro {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the video in {0}: {1}.</source>
        <translation>Il video in {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the video into {0}: {1}.</source>
        <translation>Il video non si può scrivere in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot write {0}: {1}.</source>
        <translation>{0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Capture card</source>
        <translation>Scheda di acquisizione</translation>
    </message>
    <message>
        <source>Capture device vanished</source>
        <translation>Dispositivo di acquisizione scomparso</translation>
    </message>
    <message>
        <source>Carry the chosen box into the next two seconds, or to the end of the range</source>
        <translation>Propagare il riquadro scelto ai prossimi due secondi, o fino alla fine del tratto</translation>
    </message>
    <message>
        <source>Carrying the box on: {done} of {frames} frames. Esc stops.</source>
        <translation>Propagazione del riquadro: {done} fotogrammi di {frames}. Esc ferma.</translation>
    </message>
    <message>
        <source>Case {n}</source>
        <translation>Caso {n}</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Cambia</translation>
    </message>
    <message>
        <source>Change only threshold, keep ratio, minimum duration and hold.</source>
        <translation>Cambiare solo soglia, quota di mantenimento, durata minima e permanenza.</translation>
    </message>
    <message>
        <source>Check that Blackmagic Desktop Video is installed, that `polypwatch devices` lists the card, and that no other program (Media Express, OBS) uses that input.</source>
        <translation>Controllare che Blackmagic Desktop Video sia installato, che `polypwatch devices` elenchi la scheda, e che nessun altro programma (Media Express, OBS) usi quell'ingresso.</translation>
    </message>
    <message>
        <source>Check that it is connected and that its name is right.</source>
        <translation>Controllare che sia collegata e che il nome sia giusto.</translation>
    </message>
    <message>
        <source>Check that the sender runs, and its port.</source>
        <translation>Controllare che il mittente funzioni, e la sua porta.</translation>
    </message>
    <message>
        <source>Check that the sender runs, the address and port, and that no firewall is in the way.</source>
        <translation>Controllare che il mittente funzioni, l'indirizzo e la porta, e che nessun firewall lo impedisca.</translation>
    </message>
    <message>
        <source>Check the NVIDIA driver (`nvidia-smi`), install the CUDA libraries (`pip install 'polypwatch[cuda]'`), or run with `--provider cpu`.</source>
        <translation>Controllare il driver NVIDIA (`nvidia-smi`), installare le librerie CUDA (`pip install 'polypwatch[cuda]'`), o avviare con `--provider cpu`.</translation>
    </message>
    <message>
        <source>Check the NVIDIA driver (`nvidia-smi`), or run with `--provider cpu`.</source>
        <translation>Controllare il driver NVIDIA (`nvidia-smi`), o avviare con `--provider cpu`.</translation>
    </message>
    <message>
        <source>Check the address and the network.</source>
        <translation>Controllare l'indirizzo e la rete.</translation>
    </message>
    <message>
        <source>Check the address and the sender's format.</source>
        <translation>Controllare l'indirizzo e il formato del mittente.</translation>
    </message>
    <message>
        <source>Check the address and the sender's settings.</source>
        <translation>Controllare l'indirizzo e le impostazioni del mittente.</translation>
    </message>
    <message>
        <source>Check the cable and the processor's video output.</source>
        <translation>Controllare il cavo e l'uscita video del processore.</translation>
    </message>
    <message>
        <source>Check the cable, and that the processor is on.</source>
        <translation>Controllare il cavo, e che il processore sia acceso.</translation>
    </message>
    <message>
        <source>Check the disk, and try again.</source>
        <translation>Controllare il disco, e riprovare.</translation>
    </message>
    <message>
        <source>Check the drive or network share.</source>
        <translation>Controllare l'unità o la condivisione di rete.</translation>
    </message>
    <message>
        <source>Check the drive or network.</source>
        <translation>Controllare l'unità o la rete.</translation>
    </message>
    <message>
        <source>Check the drive, or copy it again.</source>
        <translation>Controllare l'unità, o copiarlo di nuovo.</translation>
    </message>
    <message>
        <source>Check the drive.</source>
        <translation>Controllare l'unità.</translation>
    </message>
    <message>
        <source>Check the file, drive or network share.</source>
        <translation>Controllare il file, l'unità o la condivisione di rete.</translation>
    </message>
    <message>
        <source>Check the part of the address after the host.</source>
        <translation>Controllare la parte dell'indirizzo dopo il nome dell'host.</translation>
    </message>
    <message>
        <source>Check the sender or the cable; unplug and replug a device that hangs.</source>
        <translation>Controllare il mittente o il cavo; scollegare e ricollegare un dispositivo bloccato.</translation>
    </message>
    <message>
        <source>Check the spelling, and whether the drive is connected.</source>
        <translation>Controllare l'ortografia, e che l'unità sia collegata.</translation>
    </message>
    <message>
        <source>Check the spelling.</source>
        <translation>Controllare l'ortografia.</translation>
    </message>
    <message>
        <source>Checking labels</source>
        <translation>Controllo delle annotazioni</translation>
    </message>
    <message>
        <source>Choose ...</source>
        <translation>Scegli ...</translation>
    </message>
    <message>
        <source>Choose a figure: the places that it is made of are listed here.</source>
        <translation>Scegliere un indicatore: qui sono elencati i punti di cui è fatto.</translation>
    </message>
    <message>
        <source>Choose a file with a picture.</source>
        <translation>Scegliere un file con un'immagine.</translation>
    </message>
    <message>
        <source>Choose a folder elsewhere.</source>
        <translation>Scegliere una cartella altrove.</translation>
    </message>
    <message>
        <source>Choose a folder of its own for the reports.</source>
        <translation>Scegliere una cartella apposta per i rapporti.</translation>
    </message>
    <message>
        <source>Choose a folder that can be written.</source>
        <translation>Scegliere una cartella in cui si possa scrivere.</translation>
    </message>
    <message>
        <source>Choose a lesion first: click its box, or press its number.</source>
        <translation>Prima scegliere una lesione: fare clic sul suo riquadro, o premere il suo numero.</translation>
    </message>
    <message>
        <source>Choose a procedure in the library, or drop a video here.</source>
        <translation>Scegliere una procedura nell'archivio, o trascinare qui un video.</translation>
    </message>
    <message>
        <source>Choose a range first: drag over the timeline, or press I and O.</source>
        <translation>Prima scegliere un tratto: trascinare sulla linea del tempo, o premere I e O.</translation>
    </message>
    <message>
        <source>Choose a range, or play it at up to 2×: then R says that it was reviewed.</source>
        <translation>Scegliere un tratto, o riprodurlo fino a 2×: poi R dice che è stato rivisto.</translation>
    </message>
    <message>
        <source>Choose a second model above: the events in which the two differ are listed here.</source>
        <translation>Scegliere in alto un secondo modello: qui sono elencati gli eventi in cui i due differiscono.</translation>
    </message>
    <message>
        <source>Choose a source.</source>
        <translation>Scegliere una sorgente.</translation>
    </message>
    <message>
        <source>Choose another first.</source>
        <translation>Sceglierne prima un'altra.</translation>
    </message>
    <message>
        <source>Choose another folder, or look at the disk.</source>
        <translation>Scegliere un'altra cartella, o controllare il disco.</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>Scegliere un'altra cartella.</translation>
    </message>
    <message>
        <source>Choose another model.</source>
        <translation>Scegliere un altro modello.</translation>
    </message>
    <message>
        <source>Choose another name or folder.</source>
        <translation>Scegliere un altro nome o un'altra cartella.</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>Scegliere un altro nome.</translation>
    </message>
    <message>
        <source>Choose another one.</source>
        <translation>Sceglierne un altro.</translation>
    </message>
    <message>
        <source>Choose another place for them.</source>
        <translation>Scegliere per loro un altro posto.</translation>
    </message>
    <message>
        <source>Choose another place, or free some space, and run again.</source>
        <translation>Scegliere un altro posto, o liberare spazio, e ripetere.</translation>
    </message>
    <message>
        <source>Choose another place.</source>
        <translation>Scegliere un altro posto.</translation>
    </message>
    <message>
        <source>Choose another provider or another model (`polypwatch models` lists them).</source>
        <translation>Scegliere un altro provider o un altro modello (`polypwatch models` li elenca).</translation>
    </message>
    <message>
        <source>Choose another source or picture area?</source>
        <translation>Scegliere un'altra sorgente o area dell'immagine?</translation>
    </message>
    <message>
        <source>Choose another video for the self-test.</source>
        <translation>Scegliere un altro video per l'autotest.</translation>
    </message>
    <message>
        <source>Choose high, normal or low{0}.</source>
        <translation>Scegliere high, normal o low{0}.</translation>
    </message>
    <message>
        <source>Choose in the library</source>
        <translation>Scegli nell'archivio</translation>
    </message>
    <message>
        <source>Choose its other disagreements.</source>
        <translation>Scegliere gli altri suoi disaccordi.</translation>
    </message>
    <message>
        <source>Choose one of its key frames.</source>
        <translation>Scegliere uno dei suoi fotogrammi chiave.</translation>
    </message>
    <message>
        <source>Choose one of the formats that `polypwatch devices` lists, or leave --format out.</source>
        <translation>Scegliere uno dei formati elencati da `polypwatch devices`, o omettere --format.</translation>
    </message>
    <message>
        <source>Choose one of the list.</source>
        <translation>Sceglierne uno dalla lista.</translation>
    </message>
    <message>
        <source>Choose one of {0}.</source>
        <translation>Scegliere uno di {0}.</translation>
    </message>
    <message>
        <source>Choose one of: {0}.</source>
        <translation>Scegliere uno di: {0}.</translation>
    </message>
    <message>
        <source>Choose one or more procedures</source>
        <translation>Scegliere una o più procedure</translation>
    </message>
    <message>
        <source>Choose one or more procedures in the list.</source>
        <translation>Scegliere una o più procedure nella lista.</translation>
    </message>
    <message>
        <source>Choose one.</source>
        <translation>Sceglierne uno.</translation>
    </message>
    <message>
        <source>Choose other procedures, or analyse these first.</source>
        <translation>Scegliere altre procedure, o prima analizzare queste.</translation>
    </message>
    <message>
        <source>Choose procedures with results: the sliders then show what other settings would have done.</source>
        <translation>Scegliere procedure con risultati: i cursori mostrano allora che cosa avrebbero fatto altre impostazioni.</translation>
    </message>
    <message>
        <source>Choose source and picture area</source>
        <translation>Scegliere sorgente e area dell'immagine</translation>
    </message>
    <message>
        <source>Choose the area, or the whole picture.</source>
        <translation>Scegliere l'area, o l'immagine intera.</translation>
    </message>
    <message>
        <source>Choose the next box in the picture</source>
        <translation>Scegliere il prossimo riquadro nell'immagine</translation>
    </message>
    <message>
        <source>Choose the picture area anew (--area X,Y,W,H, auto or full).</source>
        <translation>Scegliere di nuovo l'area dell'immagine (--area X,Y,W,H, auto o full).</translation>
    </message>
    <message>
        <source>Choose these, or let somebody else decide.</source>
        <translation>Scegliere questi, o far decidere qualcun altro.</translation>
    </message>
    <message>
        <source>Choose two lesions.</source>
        <translation>Scegliere due lesioni.</translation>
    </message>
    <message>
        <source>Choose two reviews by others.</source>
        <translation>Scegliere due revisioni di altri.</translation>
    </message>
    <message>
        <source>Choose with --results: {0}.</source>
        <translation>Scegliere con --results: {0}.</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Scegli…</translation>
    </message>
    <message>
        <source>Chosen box less tall by 1 px</source>
        <translation>Riquadro scelto più basso di 1 px</translation>
    </message>
    <message>
        <source>Chosen box less tall by 10 px</source>
        <translation>Riquadro scelto più basso di 10 px</translation>
    </message>
    <message>
        <source>Chosen box narrower by 1 px</source>
        <translation>Riquadro scelto più stretto di 1 px</translation>
    </message>
    <message>
        <source>Chosen box narrower by 10 px</source>
        <translation>Riquadro scelto più stretto di 10 px</translation>
    </message>
    <message>
        <source>Chosen box taller by 1 px</source>
        <translation>Riquadro scelto più alto di 1 px</translation>
    </message>
    <message>
        <source>Chosen box taller by 10 px</source>
        <translation>Riquadro scelto più alto di 10 px</translation>
    </message>
    <message>
        <source>Chosen box wider by 1 px</source>
        <translation>Riquadro scelto più largo di 1 px</translation>
    </message>
    <message>
        <source>Chosen box wider by 10 px</source>
        <translation>Riquadro scelto più largo di 10 px</translation>
    </message>
    <message>
        <source>Clear what is over</source>
        <translation>Togli le finite</translation>
    </message>
    <message>
        <source>Clips</source>
        <translation>Clip</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Chiudi</translation>
    </message>
    <message>
        <source>Close  Esc</source>
        <translation>Chiudi  Esc</translation>
    </message>
    <message>
        <source>Close it first.</source>
        <translation>Prima chiuderla.</translation>
    </message>
    <message>
        <source>Close it, or try again.</source>
        <translation>Chiuderlo, o riprovare.</translation>
    </message>
    <message>
        <source>Close other programs that use it, and check that you may read it (on Linux: group video).</source>
        <translation>Chiudere gli altri programmi che la usano, e controllare di poterla leggere (in Linux: gruppo video).</translation>
    </message>
    <message>
        <source>Close other programs that use it.</source>
        <translation>Chiudere gli altri programmi che lo usano.</translation>
    </message>
    <message>
        <source>Close other programs, and test again.</source>
        <translation>Chiudere gli altri programmi e ripetere il test.</translation>
    </message>
    <message>
        <source>Close that program; a grabber serves one at a time.</source>
        <translation>Chiudere quel programma; una scheda di acquisizione ne serve uno alla volta.</translation>
    </message>
    <message>
        <source>Close the other program; a grabber serves one at a time.</source>
        <translation>Chiudere l'altro programma; una scheda di acquisizione ne serve uno alla volta.</translation>
    </message>
    <message>
        <source>Close the window when you are done.</source>
        <translation>A lavoro finito chiudere la finestra.</translation>
    </message>
    <message>
        <source>Close the window; everything is saved already</source>
        <translation>Chiudere la finestra; tutto è già salvato</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Colori</translation>
    </message>
    <message>
        <source>Commit ...</source>
        <translation>Concludi ...</translation>
    </message>
    <message>
        <source>Commit and unblind</source>
        <translation>Concludi e togli il cieco</translation>
    </message>
    <message>
        <source>Commit and write the labels</source>
        <translation>Concludi e scrivi le annotazioni</translation>
    </message>
    <message>
        <source>Commit first.</source>
        <translation>Prima concluderla.</translation>
    </message>
    <message>
        <source>Commit only</source>
        <translation>Concludi soltanto</translation>
    </message>
    <message>
        <source>Commit the review</source>
        <translation>Concludere la revisione</translation>
    </message>
    <message>
        <source>Commit this review? What you said so far stands as it is; then you see what was hidden.</source>
        <translation>Concludere questa revisione? Quanto detto finora resta com'è; poi si vede ciò che era nascosto.</translation>
    </message>
    <message>
        <source>Commit this review? You can still correct it; later edits are noted as such.</source>
        <translation>Concludere questa revisione? Si può ancora correggere; le modifiche successive sono registrate come tali.</translation>
    </message>
    <message>
        <source>Committed</source>
        <translation>Conclusa</translation>
    </message>
    <message>
        <source>Committed.</source>
        <translation>Conclusa.</translation>
    </message>
    <message>
        <source>Committed. Labels were written: {names}.</source>
        <translation>Conclusa. Annotazioni scritte: {names}.</translation>
    </message>
    <message>
        <source>Committing ...</source>
        <translation>Conclusione ...</translation>
    </message>
    <message>
        <source>Comparable with REAL-Colon (definition 'realcolon-compat')</source>
        <translation>Confrontabile con REAL-Colon (definizione 'realcolon-compat')</translation>
    </message>
    <message>
        <source>Compare and figures</source>
        <translation>Confronto e indicatori</translation>
    </message>
    <message>
        <source>Conclusion</source>
        <translation>Conclusioni</translation>
    </message>
    <message>
        <source>Connection refused</source>
        <translation>Connessione rifiutata</translation>
    </message>
    <message>
        <source>Connection timed out</source>
        <translation>Tempo di connessione scaduto</translation>
    </message>
    <message>
        <source>Consent by</source>
        <translation>Consenso di</translation>
    </message>
    <message>
        <source>Consent rests on</source>
        <translation>Base del consenso</translation>
    </message>
    <message>
        <source>Convert it to H.264.</source>
        <translation>Convertirlo in H.264.</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Copia</translation>
    </message>
    <message>
        <source>Copy it again, or convert it to MP4.</source>
        <translation>Copiarlo di nuovo, o convertirlo in MP4.</translation>
    </message>
    <message>
        <source>Copy it again, or repair it with the program that recorded it.</source>
        <translation>Copiarlo di nuovo, o ripararlo con il programma che lo ha registrato.</translation>
    </message>
    <message>
        <source>Copy it again.</source>
        <translation>Copiarlo di nuovo.</translation>
    </message>
    <message>
        <source>Copy it when it is complete.</source>
        <translation>Copiarla quando è completa.</translation>
    </message>
    <message>
        <source>Copy or convert it again, or cut it before the damage and label it anew.</source>
        <translation>Copiarlo o convertirlo di nuovo, o tagliarlo prima del danno e annotarlo di nuovo.</translation>
    </message>
    <message>
        <source>Copy or record it again.</source>
        <translation>Copiarlo o registrarlo di nuovo.</translation>
    </message>
    <message>
        <source>Copying without identity</source>
        <translation>Copia senza identità</translation>
    </message>
    <message>
        <source>Counting the pictures</source>
        <translation>Conteggio delle immagini</translation>
    </message>
    <message>
        <source>DAMAGED FRAMES</source>
        <translation>FOTOGRAMMI DANNEGGIATI</translation>
    </message>
    <message>
        <source>DICOM</source>
        <translation>DICOM</translation>
    </message>
    <message>
        <source>DICOM needs pydicom, which is not installed.</source>
        <translation>Per DICOM serve pydicom, che non è installato.</translation>
    </message>
    <message>
        <source>DICOM video</source>
        <translation>Video DICOM</translation>
    </message>
    <message>
        <source>DICOM: {what}, {done} of {total}</source>
        <translation>DICOM: {what}, {done} di {total}</translation>
    </message>
    <message>
        <source>DISK: {time} LEFT</source>
        <translation>DISCO: RESTANO {time}</translation>
    </message>
    <message>
        <source>Damaged frames</source>
        <translation>Fotogrammi danneggiati</translation>
    </message>
    <message>
        <source>Data set</source>
        <translation>Insieme di dati</translation>
    </message>
    <message>
        <source>De-identified copy</source>
        <translation>Copia de-identificata</translation>
    </message>
    <message>
        <source>De-identified copy…</source>
        <translation>Copia de-identificata…</translation>
    </message>
    <message>
        <source>Decide first whether there is this lesion at all.</source>
        <translation>Prima decidere se questa lesione c'è.</translation>
    </message>
    <message>
        <source>DeckLink {0}</source>
        <translation>DeckLink {0}</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>Predefinito</translation>
    </message>
    <message>
        <source>Definition of the curve</source>
        <translation>Definizione della curva</translation>
    </message>
    <message>
        <source>Delete it by hand.</source>
        <translation>Eliminarlo a mano.</translation>
    </message>
    <message>
        <source>Describe the chosen lesion: size, Paris, LST, site, histology</source>
        <translation>Descrivere la lesione scelta: dimensione, Parigi, LST, sede, istologia</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Dettagli</translation>
    </message>
    <message>
        <source>Details of {id}</source>
        <translation>Dettagli di {id}</translation>
    </message>
    <message>
        <source>Detection before</source>
        <translation>Segnalazione precedente</translation>
    </message>
    <message>
        <source>Device or resource busy</source>
        <translation>Dispositivo o risorsa occupati</translation>
    </message>
    <message>
        <source>Device vanished</source>
        <translation>Dispositivo scomparso</translation>
    </message>
    <message>
        <source>Devices on this machine: {0}.</source>
        <translation>Dispositivi su questo computer: {0}.</translation>
    </message>
    <message>
        <source>Difference before</source>
        <translation>Differenza precedente</translation>
    </message>
    <message>
        <source>Differences</source>
        <translation>Differenze</translation>
    </message>
    <message>
        <source>Differences of two models</source>
        <translation>Differenze di due modelli</translation>
    </message>
    <message>
        <source>Differing event before</source>
        <translation>Evento diverso precedente</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Chiudi</translation>
    </message>
    <message>
        <source>Does any picture show text that tells who the patient is?</source>
        <translation>In qualche immagine si legge chi è il paziente?</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fatto</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>Giù</translation>
    </message>
    <message>
        <source>Download it and open the file.</source>
        <translation>Scaricarlo e aprire il file.</translation>
    </message>
    <message>
        <source>Draw a box, or mark a range as reviewed.</source>
        <translation>Disegnare un riquadro, o segnare un tratto come rivisto.</translation>
    </message>
    <message>
        <source>Draw a new audit</source>
        <translation>Estrai una nuova verifica</translation>
    </message>
    <message>
        <source>Draw a new one.</source>
        <translation>Estrarne una nuova.</translation>
    </message>
    <message>
        <source>Draw it around the whole lesion, at least two pixels wide and high.</source>
        <translation>Disegnarlo attorno a tutta la lesione, largo e alto almeno due pixel.</translation>
    </message>
    <message>
        <source>Draw it as the same lesion.</source>
        <translation>Disegnarlo come la stessa lesione.</translation>
    </message>
    <message>
        <source>Draw it there.</source>
        <translation>Disegnarlo lì.</translation>
    </message>
    <message>
        <source>Draw it where the lesion is to be seen.</source>
        <translation>Disegnarlo dove si vede la lesione.</translation>
    </message>
    <message>
        <source>Draw it, or go to a frame in which it has one.</source>
        <translation>Disegnarlo, o andare a un fotogramma in cui ne ha uno.</translation>
    </message>
    <message>
        <source>Draw your own box in the picture, in as many frames as it takes; then press 4 or Enter.</source>
        <translation>Disegnare il proprio riquadro nell'immagine, in tutti i fotogrammi che servono; poi premere 4 o Invio.</translation>
    </message>
    <message>
        <source>Drawing windows</source>
        <translation>Estrazione delle finestre</translation>
    </message>
    <message>
        <source>Drawn by chance from all windows in which nothing was on the screen.</source>
        <translation>Estratta a caso da tutte le finestre in cui sullo schermo non c'era nulla.</translation>
    </message>
    <message>
        <source>Drawn over</source>
        <translation>Estratto su</translation>
    </message>
    <message>
        <source>Drop their folder to have all of them in the library.</source>
        <translation>Trascinare la loro cartella per averli tutti nell'archivio.</translation>
    </message>
    <message>
        <source>Drop what was drawn; else take the last decision back</source>
        <translation>Togliere ciò che è stato disegnato; altrimenti annullare l'ultima decisione</translation>
    </message>
    <message>
        <source>Duration {time}</source>
        <translation>Durata {time}</translation>
    </message>
    <message>
        <source>EXPERT LIMITS</source>
        <translation>LIMITI PROPRI</translation>
    </message>
    <message>
        <source>Each picture waits for its own boxes, 100 ms at most.</source>
        <translation>Ogni immagine attende i suoi riquadri, al massimo 100 ms.</translation>
    </message>
    <message>
        <source>Empty folder</source>
        <translation>Cartella vuota</translation>
    </message>
    <message>
        <source>Empty: nothing can be recorded.</source>
        <translation>Vuoto: non si può registrare nulla.</translation>
    </message>
    <message>
        <source>Empty: polypwatch-out where it was started.</source>
        <translation>Vuoto: polypwatch-out dove è stato avviato.</translation>
    </message>
    <message>
        <source>Empty: the one that is meant for what runs it.</source>
        <translation>Vuoto: quello previsto per chi lo esegue.</translation>
    </message>
    <message>
        <source>Encoded again as H.264 ({0}) by {1}; no sound</source>
        <translation>Codificato di nuovo in H.264 ({0}) da {1}; senza suono</translation>
    </message>
    <message>
        <source>Encoder</source>
        <translation>Codificatore</translation>
    </message>
    <message>
        <source>End exam</source>
        <translation>Fine esame</translation>
    </message>
    <message>
        <source>End interv.</source>
        <translation>Fine interv.</translation>
    </message>
    <message>
        <source>End it</source>
        <translation>Concludi</translation>
    </message>
    <message>
        <source>End it first.</source>
        <translation>Prima terminarla.</translation>
    </message>
    <message>
        <source>End replay</source>
        <translation>Fine replay</translation>
    </message>
    <message>
        <source>End? again</source>
        <translation>Fine? ancora</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>Finito</translation>
    </message>
    <message>
        <source>Endoscope processor</source>
        <translation>Processore endoscopico</translation>
    </message>
    <message>
        <source>Endoscopist</source>
        <translation>Endoscopista</translation>
    </message>
    <message>
        <source>Endoscopist (code)</source>
        <translation>Endoscopista (codice)</translation>
    </message>
    <message>
        <source>Enter or a double click opens a place in Replay.</source>
        <translation>Invio o un doppio clic apre un punto nel Replay.</translation>
    </message>
    <message>
        <source>Enter saves it, Esc leaves it.</source>
        <translation>Invio salva, Esc annulla.</translation>
    </message>
    <message>
        <source>Erase</source>
        <translation>Cancella</translation>
    </message>
    <message>
        <source>Erase the chosen box in this frame</source>
        <translation>Cancellare il riquadro scelto in questo fotogramma</translation>
    </message>
    <message>
        <source>Erase the chosen lesion everywhere</source>
        <translation>Cancellare ovunque la lesione scelta</translation>
    </message>
    <message>
        <source>Esc leaves it</source>
        <translation>Esc per uscire</translation>
    </message>
    <message>
        <source>Event {0} ({1}): {2}</source>
        <translation>Evento {0} ({1}): {2}</translation>
    </message>
    <message>
        <source>Event {0} was withdrawn already.</source>
        <translation>L'evento {0} era già annullato.</translation>
    </message>
    <message>
        <source>Event {0}: its time lies before that of the event before.</source>
        <translation>Evento {0}: il suo tempo precede quello dell'evento prima.</translation>
    </message>
    <message>
        <source>Events in which the models differ</source>
        <translation>Eventi in cui i modelli differiscono</translation>
    </message>
    <message>
        <source>Every clip of these procedures is answered. What the AI never marked can only be found by the miss audit.</source>
        <translation>Ogni clip di queste procedure ha una risposta. Ciò che l'IA non ha mai segnalato si trova solo con la verifica dei non rilevati.</translation>
    </message>
    <message>
        <source>Everything inside of the frame is shown, analysed and RECORDED.</source>
        <translation>Tutto ciò che sta nella cornice viene mostrato, analizzato e REGISTRATO.</translation>
    </message>
    <message>
        <source>Everywhere</source>
        <translation>Ovunque</translation>
    </message>
    <message>
        <source>Examination</source>
        <translation>Esame</translation>
    </message>
    <message>
        <source>Examination {id} has ended.</source>
        <translation>L'esame {id} è concluso.</translation>
    </message>
    <message>
        <source>Examinations and recordings go there. Without a folder nothing can be recorded.</source>
        <translation>Esami e registrazioni vanno lì. Senza una cartella non si può registrare nulla.</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Esporta</translation>
    </message>
    <message>
        <source>Export it again.</source>
        <translation>Esportarlo di nuovo.</translation>
    </message>
    <message>
        <source>Export labels</source>
        <translation>Esportare le annotazioni</translation>
    </message>
    <message>
        <source>Export labels…</source>
        <translation>Esporta annotazioni…</translation>
    </message>
    <message>
        <source>Export the labels in a format for pictures instead.</source>
        <translation>Esportare invece le annotazioni in un formato per immagini.</translation>
    </message>
    <message>
        <source>Export the model again.</source>
        <translation>Esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Exporting labels</source>
        <translation>Esportazione delle annotazioni</translation>
    </message>
    <message>
        <source>FROC: {name}</source>
        <translation>FROC: {name}</translation>
    </message>
    <message>
        <source>False alarm before</source>
        <translation>Falso allarme precedente</translation>
    </message>
    <message>
        <source>False alarms</source>
        <translation>Falsi allarmi</translation>
    </message>
    <message>
        <source>False alarms a minute</source>
        <translation>Falsi allarmi al minuto</translation>
    </message>
    <message>
        <source>False alarms a minute, of half a second and more</source>
        <translation>Falsi allarmi al minuto, da mezzo secondo in su</translation>
    </message>
    <message>
        <source>False alarms per minute of reviewed time; a dash: not worked out yet.</source>
        <translation>Falsi allarmi per minuto di tempo rivisto; un trattino: non ancora calcolati.</translation>
    </message>
    <message>
        <source>False alarms per procedure</source>
        <translation>Falsi allarmi per procedura</translation>
    </message>
    <message>
        <source>False alarms: unknown for this preset.</source>
        <translation>Falsi allarmi: ignoti per questa preimpostazione.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video from 1 processor.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video da 1 processore.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video from {n} processors.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video da {n} processori.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video, processors unknown.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video, processori ignoti.</translation>
    </message>
    <message>
        <source>False alarms: {rate}.</source>
        <translation>Falsi allarmi: {rate}.</translation>
    </message>
    <message>
        <source>False/min</source>
        <translation>Falsi/min</translation>
    </message>
    <message>
        <source>False: content</source>
        <translation>Falso: contenuto</translation>
    </message>
    <message>
        <source>False: instrument</source>
        <translation>Falso: strumento</translation>
    </message>
    <message>
        <source>False: light</source>
        <translation>Falso: luce</translation>
    </message>
    <message>
        <source>False: light or reflection</source>
        <translation>Falso: luce o riflesso</translation>
    </message>
    <message>
        <source>False: scar</source>
        <translation>Falso: cicatrice</translation>
    </message>
    <message>
        <source>False: stool, bubbles, liquid</source>
        <translation>Falso: feci, bolle, liquido</translation>
    </message>
    <message>
        <source>False: wall</source>
        <translation>Falso: parete</translation>
    </message>
    <message>
        <source>False: wall or fold</source>
        <translation>Falso: parete o plica</translation>
    </message>
    <message>
        <source>Faster</source>
        <translation>Più veloce</translation>
    </message>
    <message>
        <source>Figure</source>
        <translation>Indicatore</translation>
    </message>
    <message>
        <source>Figures</source>
        <translation>Indicatori</translation>
    </message>
    <message>
        <source>Figures as they are and as they would be</source>
        <translation>Indicatori come sono e come sarebbero</translation>
    </message>
    <message>
        <source>Figures by group</source>
        <translation>Indicatori per gruppo</translation>
    </message>
    <message>
        <source>Figures of the selection</source>
        <translation>Indicatori della selezione</translation>
    </message>
    <message>
        <source>Figures with their intervals, curves, and the worst misses and false alarms of the chosen procedures: as a page (HTML), as PDF and as numbers (JSON). Only what somebody reviewed counts.</source>
        <translation>Indicatori con i loro intervalli, curve, e le peggiori lesioni non rilevate e i peggiori falsi allarmi delle procedure scelte: come pagina (HTML), come PDF e come numeri (JSON). Conta solo ciò che qualcuno ha rivisto.</translation>
    </message>
    <message>
        <source>Figures would tell what the AI said</source>
        <translation>Gli indicatori rivelerebbero che cosa ha detto l'IA</translation>
    </message>
    <message>
        <source>File exists</source>
        <translation>Il file esiste già</translation>
    </message>
    <message>
        <source>File of the model</source>
        <translation>File del modello</translation>
    </message>
    <message>
        <source>First appearance</source>
        <translation>Prima comparsa</translation>
    </message>
    <message>
        <source>First leave the self-test: press Esc.</source>
        <translation>Prima uscire dall'autotest: premere Esc.</translation>
    </message>
    <message>
        <source>First the cables</source>
        <translation>Prima i cavi</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Cartella</translation>
    </message>
    <message>
        <source>Folder for recordings</source>
        <translation>Cartella delle registrazioni</translation>
    </message>
    <message>
        <source>Folder for snapshots</source>
        <translation>Cartella delle fotografie</translation>
    </message>
    <message>
        <source>Folders ({n})</source>
        <translation>Cartelle ({n})</translation>
    </message>
    <message>
        <source>For ever</source>
        <translation>Per sempre</translation>
    </message>
    <message>
        <source>For example: Anna Rossi</source>
        <translation>Per esempio: Anna Rossi</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Formato</translation>
    </message>
    <message>
        <source>Format of the camera</source>
        <translation>Formato della telecamera</translation>
    </message>
    <message>
        <source>Found, missed, false</source>
        <translation>Rilevati, non rilevati, falsi</translation>
    </message>
    <message>
        <source>Frame {0} is no key frame of lesion {1}.</source>
        <translation>Il fotogramma {0} non è un fotogramma chiave della lesione {1}.</translation>
    </message>
    <message>
        <source>Frame {0} of the copy {1}</source>
        <translation>Il fotogramma {0} della copia {1}</translation>
    </message>
    <message>
        <source>Frame {0} of {1} cannot be compressed as {2}.</source>
        <translation>Il fotogramma {0} di {1} non si può comprimere come {2}.</translation>
    </message>
    <message>
        <source>Frame {n} of {count}</source>
        <translation>Fotogramma {n} di {count}</translation>
    </message>
    <message>
        <source>Frames</source>
        <translation>Fotogrammi</translation>
    </message>
    <message>
        <source>Frames drawn: {n}. 4 or Enter takes your boxes, Backspace drops them.</source>
        <translation>Fotogrammi disegnati: {n}. 4 o Invio accetta i riquadri, Backspace li toglie.</translation>
    </message>
    <message>
        <source>Frames per second</source>
        <translation>Fotogrammi al secondo</translation>
    </message>
    <message>
        <source>Frames with a lesion marked</source>
        <translation>Fotogrammi con lesione segnalata</translation>
    </message>
    <message>
        <source>Free or enlarge /dev/shm (in a container: --shm-size=256m).</source>
        <translation>Liberare o ampliare /dev/shm (in un container: --shm-size=256m).</translation>
    </message>
    <message>
        <source>Free some space on the disk: what waits is written then.</source>
        <translation>Liberare spazio sul disco: ciò che attende viene scritto allora.</translation>
    </message>
    <message>
        <source>Free some space, or name another folder in POLYPWATCH_CONFIG.</source>
        <translation>Liberare spazio, o indicare un'altra cartella in POLYPWATCH_CONFIG.</translation>
    </message>
    <message>
        <source>Free space, in GB</source>
        <translation>Spazio libero, in GB</translation>
    </message>
    <message>
        <source>From 'scope in' to 'scope out'.</source>
        <translation>Da 'ingresso' a 'uscita'.</translation>
    </message>
    <message>
        <source>From here on: clear</source>
        <translation>Da qui in poi: nitida</translation>
    </message>
    <message>
        <source>From here on: marginal</source>
        <translation>Da qui in poi: marginale</translation>
    </message>
    <message>
        <source>From here on: occluded</source>
        <translation>Da qui in poi: coperta</translation>
    </message>
    <message>
        <source>From here on: out of view</source>
        <translation>Da qui in poi: fuori campo</translation>
    </message>
    <message>
        <source>From the clips to the miss audit, and back</source>
        <translation>Dalle clip alla verifica dei non rilevati, e ritorno</translation>
    </message>
    <message>
        <source>Full screen</source>
        <translation>Schermo intero</translation>
    </message>
    <message>
        <source>Full screen on or off (also: double-click)</source>
        <translation>Schermo intero sì o no (anche: doppio clic)</translation>
    </message>
    <message>
        <source>GStreamer is installed and does not start.</source>
        <translation>GStreamer è installato e non si avvia.</translation>
    </message>
    <message>
        <source>GStreamer is not installed here ({0}).</source>
        <translation>GStreamer non è installato qui ({0}).</translation>
    </message>
    <message>
        <source>GStreamer {0}</source>
        <translation>GStreamer {0}</translation>
    </message>
    <message>
        <source>Give it one first.</source>
        <translation>Prima assegnarne uno.</translation>
    </message>
    <message>
        <source>Give it one: polypwatch settings --set room.name='Room 2'.</source>
        <translation>Assegnarne uno: polypwatch settings --set room.name='Sala 2'.</translation>
    </message>
    <message>
        <source>Give one with --threshold, or choose the results of one model.</source>
        <translation>Indicarne una con --threshold, o scegliere i risultati di un solo modello.</translation>
    </message>
    <message>
        <source>Give the file its old name.</source>
        <translation>Ridare al file il suo vecchio nome.</translation>
    </message>
    <message>
        <source>Give the folder of an examination.</source>
        <translation>Indicare la cartella di un esame.</translation>
    </message>
    <message>
        <source>Give the name of somebody else who decides.</source>
        <translation>Indicare il nome di qualcun altro che decide.</translation>
    </message>
    <message>
        <source>Give the name under which you review.</source>
        <translation>Indicare il nome con cui si fanno le revisioni.</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>Continua</translation>
    </message>
    <message>
        <source>Go on with all</source>
        <translation>Continua tutte</translation>
    </message>
    <message>
        <source>Go to</source>
        <translation>Vai a</translation>
    </message>
    <message>
        <source>Go to a time or a frame number</source>
        <translation>Andare a un tempo o a un numero di fotogramma</translation>
    </message>
    <message>
        <source>Go to the figures</source>
        <translation>Vai agli indicatori</translation>
    </message>
    <message>
        <source>Go to the library</source>
        <translation>Vai all'archivio</translation>
    </message>
    <message>
        <source>Go to the miss audit</source>
        <translation>Vai alla verifica dei non rilevati</translation>
    </message>
    <message>
        <source>Go to where the second lesion begins.</source>
        <translation>Andare dove comincia la seconda lesione.</translation>
    </message>
    <message>
        <source>H.264 has even sizes: the last row or column was left out</source>
        <translation>H.264 ha dimensioni pari: l'ultima riga o colonna è stata omessa</translation>
    </message>
    <message>
        <source>HD taken for SD</source>
        <translation>HD preso per SD</translation>
    </message>
    <message>
        <source>Hand over</source>
        <translation>Consegna</translation>
    </message>
    <message>
        <source>Handing over to training</source>
        <translation>Consegna all'addestramento</translation>
    </message>
    <message>
        <source>Hardware where there is one, the processor, or the source's own.</source>
        <translation>Hardware dove c'è, il processore, o quello della sorgente.</translation>
    </message>
    <message>
        <source>Help</source>
        <translation>Aiuto</translation>
    </message>
    <message>
        <source>Hidden {time}</source>
        <translation>Nascosti {time}</translation>
    </message>
    <message>
        <source>Hide all boxes, or show them again</source>
        <translation>Nascondere tutti i riquadri, o mostrarli di nuovo</translation>
    </message>
    <message>
        <source>Hide boxes</source>
        <translation>Nascondi</translation>
    </message>
    <message>
        <source>Hide the boxes for a while; again: longer</source>
        <translation>Nascondere i riquadri per un po'; ancora: più a lungo</translation>
    </message>
    <message>
        <source>Hiding, in seconds</source>
        <translation>Nascondere, in secondi</translation>
    </message>
    <message>
        <source>High</source>
        <translation>Alta</translation>
    </message>
    <message>
        <source>Histology</source>
        <translation>Istologia</translation>
    </message>
    <message>
        <source>Hold</source>
        <translation>Ferma</translation>
    </message>
    <message>
        <source>Hold the clip, or let it go on</source>
        <translation>Fermare la clip, o farla proseguire</translation>
    </message>
    <message>
        <source>Hold the picture, or let it go on (files only)</source>
        <translation>Fermare l'immagine, o farla proseguire (solo file)</translation>
    </message>
    <message>
        <source>Hold time</source>
        <translation>Permanenza</translation>
    </message>
    <message>
        <source>Hold time, in ms</source>
        <translation>Permanenza, in ms</translation>
    </message>
    <message>
        <source>Hospital</source>
        <translation>Ospedale</translation>
    </message>
    <message>
        <source>How long a lesion is followed before it is marked.</source>
        <translation>Per quanto si segue una lesione prima di segnalarla.</translation>
    </message>
    <message>
        <source>How long a lesion must be followed before it is marked.</source>
        <translation>Per quanto si deve seguire una lesione prima di segnalarla.</translation>
    </message>
    <message>
        <source>How long a marker stays at least.</source>
        <translation>Per quanto resta almeno un marcatore.</translation>
    </message>
    <message>
        <source>How long a marker stays without new evidence.</source>
        <translation>Per quanto resta un marcatore senza nuove prove.</translation>
    </message>
    <message>
        <source>How the cables run</source>
        <translation>Come vanno i cavi</translation>
    </message>
    <message>
        <source>If a round instrument looks oval, choose another one.</source>
        <translation>Se uno strumento rotondo appare ovale, sceglierne un'altra.</translation>
    </message>
    <message>
        <source>If nobody froze it, look at the processor's own monitor and check the cable.</source>
        <translation>Se nessuno l'ha congelata, guardare il monitor del processore e controllare il cavo.</translation>
    </message>
    <message>
        <source>If reds look orange beside the processor's own monitor, choose another one.</source>
        <translation>Se i rossi appaiono arancioni rispetto al monitor del processore, scegliere un'altra voce.</translation>
    </message>
    <message>
        <source>If this stays, close other programs.</source>
        <translation>Se continua, chiudere gli altri programmi.</translation>
    </message>
    <message>
        <source>If this stays, restart the program after the examination.</source>
        <translation>Se continua, riavviare il programma dopo l'esame.</translation>
    </message>
    <message>
        <source>Image sequence</source>
        <translation>Sequenza di immagini</translation>
    </message>
    <message>
        <source>Images are {0} files.</source>
        <translation>Le immagini sono file {0}.</translation>
    </message>
    <message>
        <source>Images are {0} files; name a video itself.</source>
        <translation>Le immagini sono file {0}; un video va indicato direttamente.</translation>
    </message>
    <message>
        <source>In review</source>
        <translation>In revisione</translation>
    </message>
    <message>
        <source>In use by {programs}.</source>
        <translation>In uso da {programs}.</translation>
    </message>
    <message>
        <source>In {0} 'room' and 'schema' have no place.</source>
        <translation>In {0} non c'è posto per 'room' e 'schema'.</translation>
    </message>
    <message>
        <source>Indication</source>
        <translation>Indicazione</translation>
    </message>
    <message>
        <source>Indication: {text}</source>
        <translation>Indicazione: {text}</translation>
    </message>
    <message>
        <source>Input should be a valid boolean</source>
        <translation>Il valore deve essere vero o falso</translation>
    </message>
    <message>
        <source>Input should be a valid integer</source>
        <translation>Il valore deve essere un numero intero</translation>
    </message>
    <message>
        <source>Input should be a valid number</source>
        <translation>Il valore deve essere un numero</translation>
    </message>
    <message>
        <source>Input should be a valid string</source>
        <translation>Il valore deve essere un testo</translation>
    </message>
    <message>
        <source>Input should be greater than or equal to {0}</source>
        <translation>Il valore deve essere maggiore o uguale a {0}</translation>
    </message>
    <message>
        <source>Input should be greater than {0}</source>
        <translation>Il valore deve essere maggiore di {0}</translation>
    </message>
    <message>
        <source>Input should be less than or equal to {0}</source>
        <translation>Il valore deve essere minore o uguale a {0}</translation>
    </message>
    <message>
        <source>Input should be less than {0}</source>
        <translation>Il valore deve essere minore di {0}</translation>
    </message>
    <message>
        <source>Input should be {0}</source>
        <translation>Il valore deve essere {0}</translation>
    </message>
    <message>
        <source>Input/output error</source>
        <translation>Errore di lettura o scrittura</translation>
    </message>
    <message>
        <source>Input: {signal}.</source>
        <translation>Ingresso: {signal}.</translation>
    </message>
    <message>
        <source>Insertion</source>
        <translation>Introduzione</translation>
    </message>
    <message>
        <source>Install GStreamer 1.x from gstreamer.freedesktop.org with its Python bindings, or choose the card's own camera device: `polypwatch devices` lists it.</source>
        <translation>Installare GStreamer 1.x da gstreamer.freedesktop.org con le librerie per Python, o scegliere il dispositivo telecamera della scheda: `polypwatch devices` lo elenca.</translation>
    </message>
    <message>
        <source>Install gstreamer1.0-plugins-bad.</source>
        <translation>Installare gstreamer1.0-plugins-bad.</translation>
    </message>
    <message>
        <source>Install it (on Debian and Ubuntu: apt install {0}) and make the environment with --system-site-packages, or pip install 'polypwatch[gstreamer]'. A grabber that is a V4L2 device needs none of this.</source>
        <translation>Installarlo (in Debian e Ubuntu: apt install {0}) e creare l'ambiente con --system-site-packages, oppure pip install 'polypwatch[gstreamer]'. Una scheda che è un dispositivo V4L2 non ne ha bisogno.</translation>
    </message>
    <message>
        <source>Install it where Polypwatch is: {0} -m pip install 'pyarrow&gt;=17' (or take CSV).</source>
        <translation>Installarlo dov'è Polypwatch: {0} -m pip install 'pyarrow&gt;=17' (o usare CSV).</translation>
    </message>
    <message>
        <source>Install it where Polypwatch is: {0} -m pip install 'pydicom&gt;=3.0'</source>
        <translation>Installarlo dov'è Polypwatch: {0} -m pip install 'pydicom&gt;=3.0'</translation>
    </message>
    <message>
        <source>Install onnxruntime-gpu, or choose another provider.</source>
        <translation>Installare onnxruntime-gpu, o scegliere un altro provider.</translation>
    </message>
    <message>
        <source>Install onnxruntime-gpu.</source>
        <translation>Installare onnxruntime-gpu.</translation>
    </message>
    <message>
        <source>Install the model again.</source>
        <translation>Installare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Install the package with its decklink plug-in (Debian and Ubuntu: gstreamer1.0-plugins-bad).</source>
        <translation>Installare il pacchetto con il suo plug-in decklink (Debian e Ubuntu: gstreamer1.0-plugins-bad).</translation>
    </message>
    <message>
        <source>Install them: apt-get install {0}</source>
        <translation>Installarle: apt-get install {0}</translation>
    </message>
    <message>
        <source>Installed: {0}; or give a model folder's path.</source>
        <translation>Installati: {0}; oppure indicare il percorso della cartella di un modello.</translation>
    </message>
    <message>
        <source>Interlaced, as its content shows: each frame becomes two pictures.</source>
        <translation>Interlacciato, come mostra il contenuto: ogni fotogramma diventa due immagini.</translation>
    </message>
    <message>
        <source>Intervention</source>
        <translation>Intervento</translation>
    </message>
    <message>
        <source>Intervention begun</source>
        <translation>Intervento iniziato</translation>
    </message>
    <message>
        <source>Intervention ended</source>
        <translation>Intervento terminato</translation>
    </message>
    <message>
        <source>Intervention: start or end</source>
        <translation>Intervento: inizio o fine</translation>
    </message>
    <message>
        <source>Invalid argument</source>
        <translation>Argomento non valido</translation>
    </message>
    <message>
        <source>Is a directory</source>
        <translation>È una cartella</translation>
    </message>
    <message>
        <source>Is it a model folder?</source>
        <translation>È la cartella di un modello?</translation>
    </message>
    <message>
        <source>Is it a video, and copied whole?</source>
        <translation>È un video, ed è copiato per intero?</translation>
    </message>
    <message>
        <source>Is it the journal of an examination?</source>
        <translation>È il registro di un esame?</translation>
    </message>
    <message>
        <source>Is it the review of another procedure?</source>
        <translation>È la revisione di un'altra procedura?</translation>
    </message>
    <message>
        <source>Is it the right file, and was it written whole?</source>
        <translation>È il file giusto, ed è stato scritto per intero?</translation>
    </message>
    <message>
        <source>Is it the right file, and written whole?</source>
        <translation>È il file giusto, e scritto per intero?</translation>
    </message>
    <message>
        <source>Is it the right file?</source>
        <translation>È il file giusto?</translation>
    </message>
    <message>
        <source>Is its beginning missing?</source>
        <translation>Manca l'inizio?</translation>
    </message>
    <message>
        <source>Is the disk full or gone?</source>
        <translation>Il disco è pieno o scomparso?</translation>
    </message>
    <message>
        <source>Is the disk full or write-protected?</source>
        <translation>Il disco è pieno o protetto da scrittura?</translation>
    </message>
    <message>
        <source>Is the disk full?</source>
        <translation>Il disco è pieno?</translation>
    </message>
    <message>
        <source>Is the file cut at its beginning?</source>
        <translation>Il file è tagliato all'inizio?</translation>
    </message>
    <message>
        <source>Is the file whole?</source>
        <translation>Il file è intero?</translation>
    </message>
    <message>
        <source>Is there a polyp in this clip?</source>
        <translation>C'è un polipo in questa clip?</translation>
    </message>
    <message>
        <source>Is there a polyp that the AI did not show?</source>
        <translation>C'è un polipo che l'IA non ha mostrato?</translation>
    </message>
    <message>
        <source>Is this the picture?</source>
        <translation>È questa l'immagine?</translation>
    </message>
    <message>
        <source>Is what is boxed a polyp?</source>
        <translation>Ciò che è nel riquadro è un polipo?</translation>
    </message>
    <message>
        <source>It cannot be given: {why}.</source>
        <translation>Non si può dare: {why}.</translation>
    </message>
    <message>
        <source>It comes back by itself with the screen.</source>
        <translation>Torna da solo con lo schermo.</translation>
    </message>
    <message>
        <source>It could not be found. Drag the frame's handles, or take the whole picture.</source>
        <translation>Non è stata trovata. Trascinare le maniglie della cornice, o prendere l'immagine intera.</translation>
    </message>
    <message>
        <source>It crashed several times in a row and is not started again. Watch the processor's own monitor.</source>
        <translation>Si è arrestato più volte di seguito e non viene riavviato. Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>It has: {0}.</source>
        <translation>Contiene: {0}.</translation>
    </message>
    <message>
        <source>It holds no figures: they need procedures that somebody reviewed and a model answered.</source>
        <translation>Non contiene indicatori: servono procedure che qualcuno ha rivisto e che un modello ha analizzato.</translation>
    </message>
    <message>
        <source>It is 1 to {0} characters long, without backslash, line break or blanks around it.</source>
        <translation>È lungo da 1 a {0} caratteri, senza barra rovesciata, a capo o spazi ai lati.</translation>
    </message>
    <message>
        <source>It is being recorded, or was not ended.</source>
        <translation>È in registrazione, o non è stata conclusa.</translation>
    </message>
    <message>
        <source>It is left as it is.</source>
        <translation>Resta com'è.</translation>
    </message>
    <message>
        <source>It is restarted by itself.</source>
        <translation>Si riavvia da sola.</translation>
    </message>
    <message>
        <source>It is tried again every second.</source>
        <translation>Si riprova ogni secondo.</translation>
    </message>
    <message>
        <source>It is wired like this</source>
        <translation>È cablato così</translation>
    </message>
    <message>
        <source>It offers {0}. `polypwatch devices` lists all.</source>
        <translation>Offre {0}. `polypwatch devices` elenca tutto.</translation>
    </message>
    <message>
        <source>It resembles what was called {0} at {1}.</source>
        <translation>Assomiglia a ciò che a {1} è stato chiamato {0}.</translation>
    </message>
    <message>
        <source>It stays where it is ({0}).</source>
        <translation>Resta dov'è ({0}).</translation>
    </message>
    <message>
        <source>It stays where it is.</source>
        <translation>Resta dov'è.</translation>
    </message>
    <message>
        <source>It takes two readers who have committed their reviews.</source>
        <translation>Servono due lettori che hanno concluso la loro revisione.</translation>
    </message>
    <message>
        <source>It takes two readers who have committed their reviews. Committed so far: {n}.</source>
        <translation>Servono due lettori che hanno concluso la loro revisione. Finora concluse: {n}.</translation>
    </message>
    <message>
        <source>It was kept as {0}.</source>
        <translation>È stato conservato come {0}.</translation>
    </message>
    <message>
        <source>It will not be used. Export the model again.</source>
        <translation>Non viene usato. Esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>It will not be used. Install the model again.</source>
        <translation>Non viene usato. Installare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Its clips show what the AI said. The miss audit shows nothing of it and can be done blinded.</source>
        <translation>Le sue clip mostrano che cosa ha detto l'IA. La verifica dei non rilevati non ne mostra nulla e si può fare in cieco.</translation>
    </message>
    <message>
        <source>Its name, or the folder in which it lies.</source>
        <translation>Il nome, o la cartella in cui si trova.</translation>
    </message>
    <message>
        <source>Its own settings, if it has some, go before all others.</source>
        <translation>Le sue impostazioni, se ne ha, prevalgono su tutte le altre.</translation>
    </message>
    <message>
        <source>Its place may change when it is plugged in again.</source>
        <translation>La posizione può cambiare quando viene ricollegato.</translation>
    </message>
    <message>
        <source>Its recording was not ended: open Polypwatch once, which recovers it.</source>
        <translation>La registrazione non è stata conclusa: aprire una volta Polypwatch, che la recupera.</translation>
    </message>
    <message>
        <source>Its result stands. Draw a new audit for what is open now.</source>
        <translation>Il suo risultato vale. Estrarre una nuova verifica per ciò che ora è aperto.</translation>
    </message>
    <message>
        <source>Its video files are not there. Restore them.</source>
        <translation>I suoi file video non ci sono. Ripristinarli.</translation>
    </message>
    <message>
        <source>JOURNAL NOT SAVED ({n})</source>
        <translation>REGISTRO NON SALVATO ({n})</translation>
    </message>
    <message>
        <source>Join the group of video devices (`sudo usermod -aG video $USER`), then log out and in again.</source>
        <translation>Entrare nel gruppo dei dispositivi video (`sudo usermod -aG video $USER`), poi uscire e rientrare.</translation>
    </message>
    <message>
        <source>Just try it: the bundled phantom</source>
        <translation>Solo una prova: il fantoccio incluso</translation>
    </message>
    <message>
        <source>Keep for days</source>
        <translation>Conservare per giorni</translation>
    </message>
    <message>
        <source>Keep ratio</source>
        <translation>Quota di mantenimento</translation>
    </message>
    <message>
        <source>Keep the indication: I have read it, and it says nothing of the patient</source>
        <translation>Conservare l'indicazione: l'ho letta, e non dice nulla del paziente</translation>
    </message>
    <message>
        <source>Keep these settings for this room</source>
        <translation>Tieni per questa sala</translation>
    </message>
    <message>
        <source>Keeping (expert)</source>
        <translation>Permanenza (esperti)</translation>
    </message>
    <message>
        <source>Key frame before</source>
        <translation>Fotogramma chiave precedente</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>Tasti</translation>
    </message>
    <message>
        <source>Keys  {key}</source>
        <translation>Tasti  {key}</translation>
    </message>
    <message>
        <source>Keys and pedals</source>
        <translation>Tasti e pedali</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Tipo</translation>
    </message>
    <message>
        <source>Known are 601, 709, 601-full and 709-full.</source>
        <translation>Sono noti 601, 709, 601-full e 709-full.</translation>
    </message>
    <message>
        <source>Known are {0} and file.</source>
        <translation>Sono noti {0} e file.</translation>
    </message>
    <message>
        <source>Known are {0}.</source>
        <translation>Noti sono {0}.</translation>
    </message>
    <message>
        <source>Known to this GStreamer are mode={0} and connection={1}.</source>
        <translation>Questo GStreamer conosce mode={0} e connection={1}.</translation>
    </message>
    <message>
        <source>Known: {0}.</source>
        <translation>Noti: {0}.</translation>
    </message>
    <message>
        <source>LIGHT NOT VALIDATED</source>
        <translation>LUCE NON VALIDATA</translation>
    </message>
    <message>
        <source>LST</source>
        <translation>LST</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Annotazioni</translation>
    </message>
    <message>
        <source>Labels of a cut or converted copy would be off by frames; put the labelled file there.</source>
        <translation>Le annotazioni di una copia tagliata o convertita sarebbero sfalsate; mettere lì il file annotato.</translation>
    </message>
    <message>
        <source>Labels of colonoscopy videos</source>
        <translation>Annotazioni di video di colonscopia</translation>
    </message>
    <message>
        <source>Labels of {n} videos, {boxes} boxes: {folder}.</source>
        <translation>Annotazioni di {n} video, {boxes} riquadri: {folder}.</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Lingua</translation>
    </message>
    <message>
        <source>Lasted</source>
        <translation>Durata</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>Più tardi</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>Esci</translation>
    </message>
    <message>
        <source>Leave out the reports of each.</source>
        <translation>Omettere i rapporti delle singole.</translation>
    </message>
    <message>
        <source>Leave test</source>
        <translation>Esci dal test</translation>
    </message>
    <message>
        <source>Leave what lies over the picture, or full screen</source>
        <translation>Uscire da ciò che copre l'immagine, o dallo schermo intero</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>Sinistra</translation>
    </message>
    <message>
        <source>Left edge</source>
        <translation>Bordo sinistro</translation>
    </message>
    <message>
        <source>Length</source>
        <translation>Durata</translation>
    </message>
    <message>
        <source>Lesion above in the list; with a box chosen: move it 1 px</source>
        <translation>Lesione sopra nella lista; con un riquadro scelto: spostarlo di 1 px</translation>
    </message>
    <message>
        <source>Lesion below in the list; with a box chosen: move it 1 px</source>
        <translation>Lesione sotto nella lista; con un riquadro scelto: spostarlo di 1 px</translation>
    </message>
    <message>
        <source>Lesion {0} cannot be merged with itself.</source>
        <translation>La lesione {0} non si può unire con sé stessa.</translation>
    </message>
    <message>
        <source>Lesion {0} cannot be split at frame {1}: one of the halves would have no box.</source>
        <translation>La lesione {0} non si può dividere al fotogramma {1}: una delle metà non avrebbe riquadri.</translation>
    </message>
    <message>
        <source>Lesion {0} has no box in frame {1}.</source>
        <translation>La lesione {0} non ha un riquadro nel fotogramma {1}.</translation>
    </message>
    <message>
        <source>Lesion {0} was not changed: {1}.</source>
        <translation>La lesione {0} non è stata modificata: {1}.</translation>
    </message>
    <message>
        <source>Lesion {0}: {1}.</source>
        <translation>Lesione {0}: {1}.</translation>
    </message>
    <message>
        <source>Lesion {n}</source>
        <translation>Lesione {n}</translation>
    </message>
    <message>
        <source>Lesion {n} could not be carried on: {why}</source>
        <translation>La lesione {n} non si è potuta propagare: {why}</translation>
    </message>
    <message>
        <source>Lesion {n} has no box from here on.</source>
        <translation>Da qui in poi la lesione {n} non ha riquadri.</translation>
    </message>
    <message>
        <source>Lesion {n} has no box in this frame.</source>
        <translation>In questo fotogramma la lesione {n} non ha un riquadro.</translation>
    </message>
    <message>
        <source>Lesion {n} has no further key frame.</source>
        <translation>La lesione {n} non ha altri fotogrammi chiave.</translation>
    </message>
    <message>
        <source>Lesion {n} is chosen.</source>
        <translation>Scelta la lesione {n}.</translation>
    </message>
    <message>
        <source>Lesion {n} is erased. Ctrl+Z brings it back.</source>
        <translation>La lesione {n} è cancellata. Ctrl+Z la riporta.</translation>
    </message>
    <message>
        <source>Lesion {n} was carried {frames} frames, then: {why}</source>
        <translation>La lesione {n} è stata propagata per {frames} fotogrammi, poi: {why}</translation>
    </message>
    <message>
        <source>Lesion {n} was carried {frames} frames. Look whether it fits.</source>
        <translation>La lesione {n} è stata propagata per {frames} fotogrammi. Controllare che corrisponda.</translation>
    </message>
    <message>
        <source>Lesion {n}: {state}</source>
        <translation>Lesione {n}: {state}</translation>
    </message>
    <message>
        <source>Lesions</source>
        <translation>Lesioni</translation>
    </message>
    <message>
        <source>Lesions found</source>
        <translation>Lesioni rilevate</translation>
    </message>
    <message>
        <source>Lesions found, by size</source>
        <translation>Lesioni rilevate, per dimensione</translation>
    </message>
    <message>
        <source>Lesions, bowel preparation, indication</source>
        <translation>Lesioni, preparazione intestinale, indicazione</translation>
    </message>
    <message>
        <source>Less</source>
        <translation>Meno</translation>
    </message>
    <message>
        <source>Let go of what was drawn; then back: all is kept</source>
        <translation>Lasciare ciò che è stato disegnato; poi indietro: tutto è conservato</translation>
    </message>
    <message>
        <source>Let go: of the question, the box, the range</source>
        <translation>Lasciare: la domanda, il riquadro, il tratto</translation>
    </message>
    <message>
        <source>Let it end in .json.</source>
        <translation>Farlo finire in .json.</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>Archivio</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>Licenza</translation>
    </message>
    <message>
        <source>Line {0} {1} ({2} bytes) and is left out.</source>
        <translation>La riga {0} {1} ({2} byte) ed è omessa.</translation>
    </message>
    <message>
        <source>Live</source>
        <translation>Dal vivo</translation>
    </message>
    <message>
        <source>Load both anew.</source>
        <translation>Caricarli entrambi di nuovo.</translation>
    </message>
    <message>
        <source>Load them again.</source>
        <translation>Caricarle di nuovo.</translation>
    </message>
    <message>
        <source>Log in to a desktop, or use `polypwatch demo --offscreen --source ...` or `polypwatch detect ...`.</source>
        <translation>Accedere a un desktop, o usare `polypwatch demo --offscreen --source ...` o `polypwatch detect ...`.</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Cerca ancora</translation>
    </message>
    <message>
        <source>Look at the disk.</source>
        <translation>Controllare il disco.</translation>
    </message>
    <message>
        <source>Look at the files.</source>
        <translation>Controllare i file.</translation>
    </message>
    <message>
        <source>Look at the list again.</source>
        <translation>Riguardare l'elenco.</translation>
    </message>
    <message>
        <source>Look at the pictures and at the recording. The answer is written into the DICOM files.</source>
        <translation>Guardare le immagini e la registrazione. La risposta viene scritta nei file DICOM.</translation>
    </message>
    <message>
        <source>Look at {0}.</source>
        <translation>Guardare {0}.</translation>
    </message>
    <message>
        <source>Look for more clips</source>
        <translation>Cerca altre clip</translation>
    </message>
    <message>
        <source>Look through the folders again</source>
        <translation>Esaminare di nuovo le cartelle</translation>
    </message>
    <message>
        <source>Looking for cameras and grabbers ...</source>
        <translation>Ricerca di telecamere e schede di acquisizione ...</translation>
    </message>
    <message>
        <source>Looking for clips</source>
        <translation>Ricerca delle clip</translation>
    </message>
    <message>
        <source>Looking for more clips.</source>
        <translation>Si cercano altre clip.</translation>
    </message>
    <message>
        <source>Looking for procedures</source>
        <translation>Ricerca di procedure</translation>
    </message>
    <message>
        <source>Looking through the folders</source>
        <translation>Esame delle cartelle</translation>
    </message>
    <message>
        <source>Looking through {done} of {of} procedures: {name}</source>
        <translation>Esame di {done} procedure su {of}: {name}</translation>
    </message>
    <message>
        <source>Louder</source>
        <translation>Volume più alto</translation>
    </message>
    <message>
        <source>Low</source>
        <translation>Bassa</translation>
    </message>
    <message>
        <source>Lower edge</source>
        <translation>Bordo inferiore</translation>
    </message>
    <message>
        <source>MUTED</source>
        <translation>AUDIO SPENTO</translation>
    </message>
    <message>
        <source>Make it, or choose another place.</source>
        <translation>Crearla, o scegliere un altro posto.</translation>
    </message>
    <message>
        <source>Make these settings a preset of a room, with the rate that was measured here.</source>
        <translation>Fare di queste impostazioni una preimpostazione di una sala, con il tasso misurato qui.</translation>
    </message>
    <message>
        <source>Mark before</source>
        <translation>Segno precedente</translation>
    </message>
    <message>
        <source>Mark it as found first.</source>
        <translation>Prima segnarlo come trovato.</translation>
    </message>
    <message>
        <source>Markers are shown as always.</source>
        <translation>I marcatori appaiono come sempre.</translation>
    </message>
    <message>
        <source>Marks</source>
        <translation>Segni</translation>
    </message>
    <message>
        <source>May you write there?</source>
        <translation>È permesso scrivere lì?</translation>
    </message>
    <message>
        <source>Merge</source>
        <translation>Unisci</translation>
    </message>
    <message>
        <source>Merge lesion {n} with: click it or press its number. Esc: not.</source>
        <translation>Unire la lesione {n} con: fare clic o premere il suo numero. Esc: no.</translation>
    </message>
    <message>
        <source>Merge the chosen lesion with another: press its number</source>
        <translation>Unire la lesione scelta con un'altra: premere il suo numero</translation>
    </message>
    <message>
        <source>Minimum duration</source>
        <translation>Durata minima</translation>
    </message>
    <message>
        <source>Miss audit</source>
        <translation>Verifica dei non rilevati</translation>
    </message>
    <message>
        <source>Miss audit: the result</source>
        <translation>Verifica dei non rilevati: il risultato</translation>
    </message>
    <message>
        <source>Miss before</source>
        <translation>Non rilevata precedente</translation>
    </message>
    <message>
        <source>Missed polyp</source>
        <translation>Polipo non rilevato</translation>
    </message>
    <message>
        <source>Missed: a polyp without a box; drawing a box says it, too</source>
        <translation>Non rilevato: un polipo senza riquadro; lo dice anche un riquadro disegnato</translation>
    </message>
    <message>
        <source>Missing events: {0}.</source>
        <translation>Eventi mancanti: {0}.</translation>
    </message>
    <message>
        <source>Missing: {0}. Restore it.</source>
        <translation>Manca: {0}. Ripristinarlo.</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modello</translation>
    </message>
    <message>
        <source>Model A</source>
        <translation>Modello A</translation>
    </message>
    <message>
        <source>Model B</source>
        <translation>Modello B</translation>
    </message>
    <message>
        <source>Model {0} cannot run here: {1}.</source>
        <translation>Il modello {0} non può funzionare qui: {1}.</translation>
    </message>
    <message>
        <source>Model {0} has no variant '{1}'.</source>
        <translation>Il modello {0} non ha la variante '{1}'.</translation>
    </message>
    <message>
        <source>Model {0} has no variant for provider '{1}'.</source>
        <translation>Il modello {0} non ha varianti per il provider '{1}'.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelli</translation>
    </message>
    <message>
        <source>Models A and B side by side, or in one picture</source>
        <translation>Modelli A e B affiancati, o in una sola immagine</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Altro</translation>
    </message>
    <message>
        <source>More markers and more false alarms, or fewer of both.</source>
        <translation>Più marcatori e più falsi allarmi, o meno di entrambi.</translation>
    </message>
    <message>
        <source>More than one ONNX Runtime is installed ({0}): they overwrite each other's files.</source>
        <translation>È installato più di un ONNX Runtime ({0}): si sovrascrivono i file a vicenda.</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>Sposta</translation>
    </message>
    <message>
        <source>Move a slider: the figures, and what comes and goes, follow.</source>
        <translation>Muovere un cursore: gli indicatori, e ciò che si aggiunge o si perde, lo seguono.</translation>
    </message>
    <message>
        <source>Move one of them to another folder.</source>
        <translation>Spostarne uno in un'altra cartella.</translation>
    </message>
    <message>
        <source>Mute</source>
        <translation>Muto</translation>
    </message>
    <message>
        <source>Mute or unmute the sound</source>
        <translation>Spegnere o riaccendere il suono</translation>
    </message>
    <message>
        <source>My own box: draw it</source>
        <translation>Riquadro mio: disegnarlo</translation>
    </message>
    <message>
        <source>My own value</source>
        <translation>Valore mio</translation>
    </message>
    <message>
        <source>My review</source>
        <translation>La mia revisione</translation>
    </message>
    <message>
        <source>NO DEVICE</source>
        <translation>NESSUN DISPOSITIVO</translation>
    </message>
    <message>
        <source>NO PICTURE YET</source>
        <translation>ANCORA NESSUNA IMMAGINE</translation>
    </message>
    <message>
        <source>NO SIGNAL</source>
        <translation>SEGNALE ASSENTE</translation>
    </message>
    <message>
        <source>NO SOURCE</source>
        <translation>NESSUNA SORGENTE</translation>
    </message>
    <message>
        <source>NOT RECORDED</source>
        <translation>NON REGISTRATO</translation>
    </message>
    <message>
        <source>NOT SAVED: the last edit was refused</source>
        <translation>NON SALVATO: l'ultima modifica è stata rifiutata</translation>
    </message>
    <message>
        <source>NOT VALIDATED IN THIS LIGHT</source>
        <translation>NON VALIDATA CON QUESTA LUCE</translation>
    </message>
    <message>
        <source>Name a file, or another folder.</source>
        <translation>Indicare un file, o un'altra cartella.</translation>
    </message>
    <message>
        <source>Name a recording, or a video file.</source>
        <translation>Indicare una registrazione, o un file video.</translation>
    </message>
    <message>
        <source>Name a video file or a network stream.</source>
        <translation>Indicare un file video o un flusso di rete.</translation>
    </message>
    <message>
        <source>Name a video, a folder of images, a camera or a network address.</source>
        <translation>Indicare un video, una cartella di immagini, una telecamera o un indirizzo di rete.</translation>
    </message>
    <message>
        <source>Name and password of the stream were left out.</source>
        <translation>Nome e password del flusso sono stati omessi.</translation>
    </message>
    <message>
        <source>Name another folder.</source>
        <translation>Indicare un'altra cartella.</translation>
    </message>
    <message>
        <source>Name another in POLYPWATCH_RUNTIME.</source>
        <translation>Indicarne un'altra in POLYPWATCH_RUNTIME.</translation>
    </message>
    <message>
        <source>Name of the data set that they become</source>
        <translation>Nome dell'insieme di dati che diventano</translation>
    </message>
    <message>
        <source>Name of the room</source>
        <translation>Nome della sala</translation>
    </message>
    <message>
        <source>Name of the room, as Room 2</source>
        <translation>Nome della sala, come Sala 2</translation>
    </message>
    <message>
        <source>Name of the screen with the clean picture. Empty: none.</source>
        <translation>Nome dello schermo con l'immagine pulita. Vuoto: nessuno.</translation>
    </message>
    <message>
        <source>Name or service not known</source>
        <translation>Nome o servizio sconosciuto</translation>
    </message>
    <message>
        <source>Name others.</source>
        <translation>Indicarne altre.</translation>
    </message>
    <message>
        <source>Name snapshots (NAME.json), recordings or videos.</source>
        <translation>Indicare fotografie (NOME.json), registrazioni o video.</translation>
    </message>
    <message>
        <source>Name the file.</source>
        <translation>Indicare il file.</translation>
    </message>
    <message>
        <source>Name the folder of the recordings.</source>
        <translation>Indicare la cartella delle registrazioni.</translation>
    </message>
    <message>
        <source>Name the results of a re-analysis.</source>
        <translation>Indicare i risultati di una rianalisi.</translation>
    </message>
    <message>
        <source>Names and numbers of patients must lie outside of it.</source>
        <translation>Nomi e numeri dei pazienti devono restarne fuori.</translation>
    </message>
    <message>
        <source>Names, dates, ids, free texts and metadata go. What stands in the picture itself nobody can check but you: look at the copy before you give it away.</source>
        <translation>Nomi, date, codici, testi liberi e metadati vengono tolti. Ciò che sta nell'immagine stessa può controllarlo solo una persona: guardare la copia prima di darla via.</translation>
    </message>
    <message>
        <source>Neither: it stays unknown</source>
        <translation>Nessuno dei due: resta ignoto</translation>
    </message>
    <message>
        <source>Neither: no lesion here</source>
        <translation>Nessuno dei due: qui nessuna lesione</translation>
    </message>
    <message>
        <source>Neither: there is no lesion, or it stays unknown</source>
        <translation>Nessuno dei due: non c'è lesione, o resta ignoto</translation>
    </message>
    <message>
        <source>Network address</source>
        <translation>Indirizzo di rete</translation>
    </message>
    <message>
        <source>Network address, or any source as it is typed:</source>
        <translation>Indirizzo di rete, o una sorgente come si digita:</translation>
    </message>
    <message>
        <source>Network is unreachable</source>
        <translation>Rete non raggiungibile</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>Mai</translation>
    </message>
    <message>
        <source>New</source>
        <translation>Nuova</translation>
    </message>
    <message>
        <source>New file</source>
        <translation>Nuovo file</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Avanti</translation>
    </message>
    <message>
        <source>Next detection</source>
        <translation>Prossima segnalazione</translation>
    </message>
    <message>
        <source>Next difference</source>
        <translation>Prossima differenza</translation>
    </message>
    <message>
        <source>Next event in which models A and B differ</source>
        <translation>Prossimo evento in cui i modelli A e B differiscono</translation>
    </message>
    <message>
        <source>Next false alarm</source>
        <translation>Prossimo falso allarme</translation>
    </message>
    <message>
        <source>Next key frame of the chosen lesion</source>
        <translation>Prossimo fotogramma chiave della lesione scelta</translation>
    </message>
    <message>
        <source>Next mark of the examination</source>
        <translation>Prossimo segno dell'esame</translation>
    </message>
    <message>
        <source>Next miss</source>
        <translation>Prossima non rilevata</translation>
    </message>
    <message>
        <source>Next range that nobody reviewed</source>
        <translation>Prossimo tratto non rivisto</translation>
    </message>
    <message>
        <source>Next sensitivity preset</source>
        <translation>Prossima preimpostazione di sensibilità</translation>
    </message>
    <message>
        <source>No</source>
        <translation>No</translation>
    </message>
    <message>
        <source>No alert yet: the last seconds are played.</source>
        <translation>Ancora nessuna segnalazione: si rivedono gli ultimi secondi.</translation>
    </message>
    <message>
        <source>No box was painted, as the AI analysed nothing.</source>
        <translation>Nessun riquadro è apparso, perché l'IA non ha analizzato nulla.</translation>
    </message>
    <message>
        <source>No box was painted: the AI analysed {0} pictures, but {1}.</source>
        <translation>Nessun riquadro è apparso: l'IA ha analizzato {0} immagini, ma {1}.</translation>
    </message>
    <message>
        <source>No curve: it needs reviewed lesions and raw candidates.</source>
        <translation>Nessuna curva: servono lesioni riviste e candidati grezzi.</translation>
    </message>
    <message>
        <source>No differences</source>
        <translation>Nessuna differenza</translation>
    </message>
    <message>
        <source>No examination runs.</source>
        <translation>Nessun esame in corso.</translation>
    </message>
    <message>
        <source>No figure can be given: nobody reviewed any of this. Mark ranges as reviewed in Replay, and publish the labels</source>
        <translation>Nessun indicatore si può dare: nessuno ha rivisto nulla di questo. Segnare i tratti come rivisti nel Replay, e pubblicare le annotazioni</translation>
    </message>
    <message>
        <source>No folder for recordings was chosen.</source>
        <translation>Nessuna cartella scelta per le registrazioni.</translation>
    </message>
    <message>
        <source>No folder yet</source>
        <translation>Ancora nessuna cartella</translation>
    </message>
    <message>
        <source>No further detection in this direction.</source>
        <translation>Nessun'altra segnalazione in questa direzione.</translation>
    </message>
    <message>
        <source>No further difference of A and B.</source>
        <translation>Nessun'altra differenza tra A e B.</translation>
    </message>
    <message>
        <source>No further false alarm in what is reviewed.</source>
        <translation>Nessun altro falso allarme in ciò che è rivisto.</translation>
    </message>
    <message>
        <source>No further mark in this direction.</source>
        <translation>Nessun altro segno in questa direzione.</translation>
    </message>
    <message>
        <source>No further miss in what is reviewed.</source>
        <translation>Nessun'altra lesione non rilevata in ciò che è rivisto.</translation>
    </message>
    <message>
        <source>No hint</source>
        <translation>Nessun avviso</translation>
    </message>
    <message>
        <source>No lesion chosen</source>
        <translation>Nessuna lesione scelta</translation>
    </message>
    <message>
        <source>No lesion is clear anywhere in {0}.</source>
        <translation>In {0} nessuna lesione è mai chiara.</translation>
    </message>
    <message>
        <source>No lesion with a size was reviewed. Sizes are entered in Replay, lesion by lesion.</source>
        <translation>Nessuna lesione con dimensione è stata rivista. Le dimensioni si inseriscono nel Replay, lesione per lesione.</translation>
    </message>
    <message>
        <source>No lesion yet. Drag a box around one in the picture.</source>
        <translation>Ancora nessuna lesione. Tracciare un riquadro attorno a una nell'immagine.</translation>
    </message>
    <message>
        <source>No model has answered on any of these {count} procedures. Analyse them in the background first.</source>
        <translation>Nessun modello ha risposto su queste {count} procedure. Prima analizzarle in sottofondo.</translation>
    </message>
    <message>
        <source>No model has looked at it: it is left out of the audit.</source>
        <translation>Nessun modello l'ha esaminata: è esclusa dalla verifica.</translation>
    </message>
    <message>
        <source>No model is installed.</source>
        <translation>Nessun modello è installato.</translation>
    </message>
    <message>
        <source>No other model</source>
        <translation>Nessun altro modello</translation>
    </message>
    <message>
        <source>No picture is saved: {0}.</source>
        <translation>Non si salva nessuna immagine: {0}.</translation>
    </message>
    <message>
        <source>No picture of {0} can be decoded.</source>
        <translation>Nessuna immagine di {0} si può decodificare.</translation>
    </message>
    <message>
        <source>No picture shows a name</source>
        <translation>Nessuna immagine mostra un nome</translation>
    </message>
    <message>
        <source>No picture was there to analyse: {0}.</source>
        <translation>Non c'era un'immagine da analizzare: {0}.</translation>
    </message>
    <message>
        <source>No place stands behind this figure.</source>
        <translation>Dietro questo indicatore non c'è nessun punto.</translation>
    </message>
    <message>
        <source>No polyp here</source>
        <translation>Qui nessun polipo</translation>
    </message>
    <message>
        <source>No polyp in this clip</source>
        <translation>Nessun polipo in questa clip</translation>
    </message>
    <message>
        <source>No polyps are marked yet.</source>
        <translation>I polipi non sono ancora segnalati.</translation>
    </message>
    <message>
        <source>No polyps are marked.</source>
        <translation>I polipi non sono segnalati.</translation>
    </message>
    <message>
        <source>No procedure matches.</source>
        <translation>Nessuna procedura corrisponde.</translation>
    </message>
    <message>
        <source>No process could be started for it: {0}.</source>
        <translation>Non si è potuto avviare un processo: {0}.</translation>
    </message>
    <message>
        <source>No reviewed procedure has answers of both.</source>
        <translation>Nessuna procedura rivista ha risposte di entrambi.</translation>
    </message>
    <message>
        <source>No room has settings of its own yet.</source>
        <translation>Nessuna sala ha ancora impostazioni proprie.</translation>
    </message>
    <message>
        <source>No route to host</source>
        <translation>Nessun percorso verso l'host</translation>
    </message>
    <message>
        <source>No self-test during a recording.</source>
        <translation>Nessun autotest durante una registrazione.</translation>
    </message>
    <message>
        <source>No software survives a computer that crashes: look at the processor's monitor then.</source>
        <translation>Nessun programma sopravvive a un computer che si blocca: guardare allora il monitor del processore.</translation>
    </message>
    <message>
        <source>No sound is made either.</source>
        <translation>Non c'è neppure il suono.</translation>
    </message>
    <message>
        <source>No sound.</source>
        <translation>Nessun suono.</translation>
    </message>
    <message>
        <source>No source was given.</source>
        <translation>Nessuna sorgente indicata.</translation>
    </message>
    <message>
        <source>No source was named.</source>
        <translation>Nessuna sorgente indicata.</translation>
    </message>
    <message>
        <source>No space left on device</source>
        <translation>Spazio su disco esaurito</translation>
    </message>
    <message>
        <source>No such device</source>
        <translation>Il dispositivo non esiste</translation>
    </message>
    <message>
        <source>No such file or directory</source>
        <translation>File o cartella inesistente</translation>
    </message>
    <message>
        <source>No window can be opened: {0}</source>
        <translation>Nessuna finestra si può aprire: {0}</translation>
    </message>
    <message>
        <source>No window with a lesion is known, and none was found in {0} of {1} windows; at most {2} of them hold one. A sensitivity cannot be given.</source>
        <translation>Nessuna finestra con lesione è nota, e nessuna è stata trovata in {0} finestre su {1}; al massimo {2} ne contengono una. Una sensibilità non si può dare.</translation>
    </message>
    <message>
        <source>No, I looked</source>
        <translation>No, ho guardato</translation>
    </message>
    <message>
        <source>Nobody has consented that these procedures are trained on.</source>
        <translation>Nessuno ha acconsentito all'addestramento su queste procedure.</translation>
    </message>
    <message>
        <source>Nobody looked</source>
        <translation>Nessuno ha guardato</translation>
    </message>
    <message>
        <source>Nobody tried this model in light other than the validated one.</source>
        <translation>Nessuno ha provato questo modello con una luce diversa da quella validata.</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Nessuno</translation>
    </message>
    <message>
        <source>None is plugged in. It appears here as soon as it is.</source>
        <translation>Nessuno è collegato. Appare qui appena lo è.</translation>
    </message>
    <message>
        <source>None of the {count} procedures has an answer of a model to ask about. Analyse them: this goes on in the background, and clips appear as soon as the first one is done.</source>
        <translation>Nessuna delle {count} procedure ha una risposta di un modello su cui chiedere. Analizzarle: avviene in sottofondo, e le clip appaiono appena la prima è finita.</translation>
    </message>
    <message>
        <source>None of these procedures has labels.</source>
        <translation>Nessuna di queste procedure ha annotazioni.</translation>
    </message>
    <message>
        <source>Normal</source>
        <translation>Normale</translation>
    </message>
    <message>
        <source>Normal speed</source>
        <translation>Velocità normale</translation>
    </message>
    <message>
        <source>Not a directory</source>
        <translation>Non è una cartella</translation>
    </message>
    <message>
        <source>Not during a recording.</source>
        <translation>Non durante una registrazione.</translation>
    </message>
    <message>
        <source>Not interlaced, as its content shows.</source>
        <translation>Non interlacciato, come mostra il contenuto.</translation>
    </message>
    <message>
        <source>Not marked. {0}</source>
        <translation>Non segnato. {0}</translation>
    </message>
    <message>
        <source>Not marked: there is no picture.</source>
        <translation>Non segnato: non c'è un'immagine.</translation>
    </message>
    <message>
        <source>Not marked: {why}</source>
        <translation>Non segnato: {why}</translation>
    </message>
    <message>
        <source>Not noted: {0}.</source>
        <translation>Non annotato: {0}.</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>Non ora</translation>
    </message>
    <message>
        <source>Not passed.</source>
        <translation>Non superato.</translation>
    </message>
    <message>
        <source>Not reviewed</source>
        <translation>Non rivista</translation>
    </message>
    <message>
        <source>Not reviewed: {range}</source>
        <translation>Non rivisto: {range}</translation>
    </message>
    <message>
        <source>Not saved. The clip stays until its answer is.</source>
        <translation>Non salvato. La clip resta finché la risposta non è salvata.</translation>
    </message>
    <message>
        <source>Not tested. {0}</source>
        <translation>Non provato. {0}</translation>
    </message>
    <message>
        <source>Not tested: no sound was due, as no new box appeared.</source>
        <translation>Non provato: nessun suono era dovuto, perché non è apparso un nuovo riquadro.</translation>
    </message>
    <message>
        <source>Not tested: there is no phantom to play.</source>
        <translation>Non provato: non c'è un fantoccio da riprodurre.</translation>
    </message>
    <message>
        <source>Not tested: there was no picture to record.</source>
        <translation>Non provato: non c'erano immagini da registrare.</translation>
    </message>
    <message>
        <source>Not tested: without a window there is no sound.</source>
        <translation>Non provato: senza finestra non c'è suono.</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Nothing can be changed here.</source>
        <translation>Qui non si può modificare nulla.</translation>
    </message>
    <message>
        <source>Nothing can be recorded: the picture area that was set before is lost, and the whole picture may show a name. Set it again (`polypwatch settings --set source.area=...`) or give --area.</source>
        <translation>Non si può registrare nulla: l'area dell'immagine impostata prima è andata persa, e l'immagine intera può mostrare un nome. Impostarla di nuovo (`polypwatch settings --set source.area=...`) o indicare --area.</translation>
    </message>
    <message>
        <source>Nothing has moved for {0} s; the process was ended. Analyse it again to go on.</source>
        <translation>Da {0} s non si muove nulla; il processo è stato terminato. Analizzarla di nuovo per continuare.</translation>
    </message>
    <message>
        <source>Nothing is answered yet, so nothing can be said about what was missed.</source>
        <translation>Non c'è ancora nessuna risposta, quindi nulla si può dire di ciò che non è stato rilevato.</translation>
    </message>
    <message>
        <source>Nothing is being analysed. Choose procedures in the library and press 'Analyse'.</source>
        <translation>Non si sta analizzando nulla. Scegliere procedure nell'archivio e premere 'Analizza'.</translation>
    </message>
    <message>
        <source>Nothing is chosen.</source>
        <translation>Nulla è scelto.</translation>
    </message>
    <message>
        <source>Nothing is deleted without a record.</source>
        <translation>Nulla si elimina senza lasciarne traccia.</translation>
    </message>
    <message>
        <source>Nothing is known of this in what was reviewed: {property}.</source>
        <translation>Non se ne sa nulla in ciò che è stato rivisto: {property}.</translation>
    </message>
    <message>
        <source>Nothing is left to answer</source>
        <translation>Non resta nulla a cui rispondere</translation>
    </message>
    <message>
        <source>Nothing is open</source>
        <translation>Nulla è aperto</translation>
    </message>
    <message>
        <source>Nothing is recorded: {0}.</source>
        <translation>Non si registra nulla: {0}.</translation>
    </message>
    <message>
        <source>Nothing of the copy was kept; please report this.</source>
        <translation>Della copia non è stato conservato nulla; segnalare il problema.</translation>
    </message>
    <message>
        <source>Nothing that was said before is lost. Free some space on the disk, or choose another folder for reviews.</source>
        <translation>Nulla di quanto detto prima è perso. Liberare spazio sul disco, o scegliere un'altra cartella per le revisioni.</translation>
    </message>
    <message>
        <source>Nothing to replay yet.</source>
        <translation>Ancora nulla da rivedere.</translation>
    </message>
    <message>
        <source>Nothing unreviewed in this direction.</source>
        <translation>Nulla di non rivisto in questa direzione.</translation>
    </message>
    <message>
        <source>Nothing was analysed yet</source>
        <translation>Nulla è ancora stato analizzato</translation>
    </message>
    <message>
        <source>Nothing was changed. Is the folder write-protected?</source>
        <translation>Nulla è stato modificato. La cartella è protetta da scrittura?</translation>
    </message>
    <message>
        <source>Nothing was exported: the examination holds neither pictures nor a recording.</source>
        <translation>Nulla è stato esportato: l'esame non contiene né immagini né una registrazione.</translation>
    </message>
    <message>
        <source>Nothing was exported: the recording is not complete.</source>
        <translation>Nulla è stato esportato: la registrazione non è completa.</translation>
    </message>
    <message>
        <source>Nothing was found for {0} minutes; this is a sample of it.</source>
        <translation>Per {0} minuti non è stato trovato nulla; questo ne è un campione.</translation>
    </message>
    <message>
        <source>Nothing was handed over: {0}.</source>
        <translation>Nulla è stato consegnato: {0}.</translation>
    </message>
    <message>
        <source>Nothing was merged: name another lesion.</source>
        <translation>Nulla è stato unito: indicare un'altra lesione.</translation>
    </message>
    <message>
        <source>Nothing was recorded.</source>
        <translation>Nulla è stato registrato.</translation>
    </message>
    <message>
        <source>Nothing was said of this procedure yet.</source>
        <translation>Di questa procedura non è ancora stato detto nulla.</translation>
    </message>
    <message>
        <source>Nothing was written.</source>
        <translation>Nulla è stato scritto.</translation>
    </message>
    <message>
        <source>ONNX Runtime failed on a frame: {0}.</source>
        <translation>ONNX Runtime ha fallito su un fotogramma: {0}.</translation>
    </message>
    <message>
        <source>ONNX Runtime is missing or broken: {0}.</source>
        <translation>ONNX Runtime manca o è difettoso: {0}.</translation>
    </message>
    <message>
        <source>OUT OF THE BODY</source>
        <translation>FUORI DAL CORPO</translation>
    </message>
    <message>
        <source>Of the room, never of a patient. Settings can differ from room to room.</source>
        <translation>Della sala, mai di un paziente. Le impostazioni possono cambiare da sala a sala.</translation>
    </message>
    <message>
        <source>Of the sound of a new lesion.</source>
        <translation>Del suono di una nuova lesione.</translation>
    </message>
    <message>
        <source>Of the window and of reports.</source>
        <translation>Della finestra e dei referti.</translation>
    </message>
    <message>
        <source>Of {0} windows the reader could not tell; they are left out.</source>
        <translation>Su {0} finestre il lettore non ha saputo dire; sono escluse.</translation>
    </message>
    <message>
        <source>Of {n} frames that both reviewed: box F1 {f1} (IoU {iou}), kappa {kappa}</source>
        <translation>Su {n} fotogrammi rivisti da entrambi: F1 dei riquadri {f1} (IoU {iou}), kappa {kappa}</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>No</translation>
    </message>
    <message>
        <source>Offers no format that can be read here.</source>
        <translation>Non offre formati leggibili qui.</translation>
    </message>
    <message>
        <source>Older ones are proposed for deletion, never deleted.</source>
        <translation>Le più vecchie vengono proposte per l'eliminazione, mai eliminate.</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Sì</translation>
    </message>
    <message>
        <source>On the side of the picture on which a marker is.</source>
        <translation>Sul lato dell'immagine in cui c'è un marcatore.</translation>
    </message>
    <message>
        <source>One frame back</source>
        <translation>Un fotogramma indietro</translation>
    </message>
    <message>
        <source>One frame back; with a box chosen: move it 1 px</source>
        <translation>Un fotogramma indietro; con un riquadro scelto: spostarlo di 1 px</translation>
    </message>
    <message>
        <source>One frame on</source>
        <translation>Un fotogramma avanti</translation>
    </message>
    <message>
        <source>One frame on; with a box chosen: move it 1 px</source>
        <translation>Un fotogramma avanti; con un riquadro scelto: spostarlo di 1 px</translation>
    </message>
    <message>
        <source>One moment, please.</source>
        <translation>Un momento, prego.</translation>
    </message>
    <message>
        <source>One more</source>
        <translation>Un altro</translation>
    </message>
    <message>
        <source>One recording is older than {days} days ({size}).</source>
        <translation>Una registrazione ha più di {days} giorni ({size}).</translation>
    </message>
    <message>
        <source>One second back</source>
        <translation>Un secondo indietro</translation>
    </message>
    <message>
        <source>One second on</source>
        <translation>Un secondo avanti</translation>
    </message>
    <message>
        <source>One's own box, drawn in the picture, or one's own value</source>
        <translation>Il proprio riquadro, disegnato nell'immagine, o il proprio valore</translation>
    </message>
    <message>
        <source>Only A has a box</source>
        <translation>Solo A ha un riquadro</translation>
    </message>
    <message>
        <source>Only B has a box</source>
        <translation>Solo B ha un riquadro</translation>
    </message>
    <message>
        <source>Only in</source>
        <translation>Solo in</translation>
    </message>
    <message>
        <source>Only the first time takes long.</source>
        <translation>Solo la prima volta richiede tempo.</translation>
    </message>
    <message>
        <source>Only those in which a model was wrong</source>
        <translation>Solo quelli in cui un modello ha sbagliato</translation>
    </message>
    <message>
        <source>Only what moves: the rest is cropped away</source>
        <translation>Solo ciò che si muove: il resto viene tagliato</translation>
    </message>
    <message>
        <source>Only {0} minutes are reviewed, and a rate needs {1}.</source>
        <translation>Sono rivisti solo {0} minuti, e per un tasso ne servono {1}.</translation>
    </message>
    <message>
        <source>Only {0} of {1} procedures are measured.</source>
        <translation>Sono misurate solo {0} procedure su {1}.</translation>
    </message>
    <message>
        <source>Only {0}. Close other programs, or use a faster computer.</source>
        <translation>Solo {0}. Chiudere gli altri programmi, o usare un computer più veloce.</translation>
    </message>
    <message>
        <source>Only {model}: {what}</source>
        <translation>Solo {model}: {what}</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>Apri</translation>
    </message>
    <message>
        <source>Open a recording</source>
        <translation>Aprire una registrazione</translation>
    </message>
    <message>
        <source>Open a video</source>
        <translation>Aprire un video</translation>
    </message>
    <message>
        <source>Open a video or a folder</source>
        <translation>Aprire un video o una cartella</translation>
    </message>
    <message>
        <source>Open in Replay</source>
        <translation>Apri nel Replay</translation>
    </message>
    <message>
        <source>Open in Replay at this place</source>
        <translation>Aprire nel Replay in questo punto</translation>
    </message>
    <message>
        <source>Open it again to complete it.</source>
        <translation>Aprirlo di nuovo per completarlo.</translation>
    </message>
    <message>
        <source>Open it in Replay and undo there.</source>
        <translation>Aprirla nel Replay e annullare lì.</translation>
    </message>
    <message>
        <source>Open the bundled procedure</source>
        <translation>Apri la procedura inclusa</translation>
    </message>
    <message>
        <source>Open the chosen place in Replay</source>
        <translation>Aprire nel Replay il punto scelto</translation>
    </message>
    <message>
        <source>Open the set-up</source>
        <translation>Apri la configurazione</translation>
    </message>
    <message>
        <source>Open the window anew with these settings</source>
        <translation>Riapri la finestra con queste impostazioni</translation>
    </message>
    <message>
        <source>Open, settled</source>
        <translation>Aperte, risolte</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>Apertura</translation>
    </message>
    <message>
        <source>Opening the source</source>
        <translation>Apertura della sorgente</translation>
    </message>
    <message>
        <source>Opening {name}</source>
        <translation>Apertura di {name}</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>Apri…</translation>
    </message>
    <message>
        <source>Operation not permitted</source>
        <translation>Operazione non permessa</translation>
    </message>
    <message>
        <source>Operation {0} is not the one to {1}: {2} is.</source>
        <translation>L'operazione {0} non è quella da {1}: lo è {2}.</translation>
    </message>
    <message>
        <source>Orifice</source>
        <translation>Orifizio</translation>
    </message>
    <message>
        <source>Other sources</source>
        <translation>Altre sorgenti</translation>
    </message>
    <message>
        <source>Own boxes: on or off</source>
        <translation>Riquadri propri: sì o no</translation>
    </message>
    <message>
        <source>PICTURE FROZEN</source>
        <translation>IMMAGINE FERMA</translation>
    </message>
    <message>
        <source>PICTURE FROZEN {time}</source>
        <translation>IMMAGINE FERMA {time}</translation>
    </message>
    <message>
        <source>PICTURE NOT CHECKED</source>
        <translation>IMMAGINE NON CONTROLLATA</translation>
    </message>
    <message>
        <source>POOR VIEW: AI SUPPRESSED</source>
        <translation>VISIONE SCARSA: IA SOSPESA</translation>
    </message>
    <message>
        <source>Paris</source>
        <translation>Parigi</translation>
    </message>
    <message>
        <source>Parquet needs pyarrow, which is not installed.</source>
        <translation>Per Parquet serve pyarrow, che non è installato.</translation>
    </message>
    <message>
        <source>Passed.</source>
        <translation>Superato.</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausa</translation>
    </message>
    <message>
        <source>Pause all</source>
        <translation>Sospendi tutte</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>In pausa</translation>
    </message>
    <message>
        <source>Per lesion, as the figures page worked it out; a dash: not yet.</source>
        <translation>Per lesione, come l'ha calcolata la pagina degli indicatori; un trattino: non ancora.</translation>
    </message>
    <message>
        <source>Permission denied</source>
        <translation>Permesso negato</translation>
    </message>
    <message>
        <source>Photograph of the appendiceal orifice</source>
        <translation>Fotografia dell'orifizio appendicolare</translation>
    </message>
    <message>
        <source>Photograph of the orifice</source>
        <translation>Fotografia dell'orifizio</translation>
    </message>
    <message>
        <source>Photograph of the valve</source>
        <translation>Fotografia della valvola</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>Immagine</translation>
    </message>
    <message>
        <source>Picture area</source>
        <translation>Area dell'immagine</translation>
    </message>
    <message>
        <source>Picture area found: {0} x {1} pixels from {2}, {3}. Is anything of the endoscope's picture missing?</source>
        <translation>Area dell'immagine trovata: {0} x {1} pixel da {2}, {3}. Manca qualcosa dell'immagine dell'endoscopio?</translation>
    </message>
    <message>
        <source>Picture closer</source>
        <translation>Immagine più vicina</translation>
    </message>
    <message>
        <source>Picture further away</source>
        <translation>Immagine più lontana</translation>
    </message>
    <message>
        <source>Picture kept</source>
        <translation>Immagine conservata</translation>
    </message>
    <message>
        <source>Picture of polyp {n}</source>
        <translation>Immagine del polipo {n}</translation>
    </message>
    <message>
        <source>Picture with boxes</source>
        <translation>Immagine con riquadri</translation>
    </message>
    <message>
        <source>Picture {0} of {1} (at {2} s) is damaged: {3}.</source>
        <translation>L'immagine {0} di {1} (a {2} s) è danneggiata: {3}.</translation>
    </message>
    <message>
        <source>Pictures and labels are still being checked: {done}.</source>
        <translation>Immagini e annotazioni sono ancora in controllo: {done}.</translation>
    </message>
    <message>
        <source>Pictures of {0} x {1} pixels are too small for H.264.</source>
        <translation>Immagini di {0} x {1} pixel sono troppo piccole per H.264.</translation>
    </message>
    <message>
        <source>Pictures of {0} x {1} pixels cannot be recorded.</source>
        <translation>Immagini di {0} x {1} pixel non si possono registrare.</translation>
    </message>
    <message>
        <source>Pixel format</source>
        <translation>Formato dei pixel</translation>
    </message>
    <message>
        <source>Place in the day's list</source>
        <translation>Posto nella lista del giorno</translation>
    </message>
    <message>
        <source>Places in the procedures</source>
        <translation>Punti nelle procedure</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Riprendi</translation>
    </message>
    <message>
        <source>Play backwards; again: faster</source>
        <translation>All'indietro; ancora: più veloce</translation>
    </message>
    <message>
        <source>Play forwards; again: faster</source>
        <translation>Avanti; ancora: più veloce</translation>
    </message>
    <message>
        <source>Play or pause</source>
        <translation>Riprodurre o mettere in pausa</translation>
    </message>
    <message>
        <source>Play the last alert's eight seconds in an inset</source>
        <translation>Rivedere in un riquadro gli otto secondi dell'ultima segnalazione</translation>
    </message>
    <message>
        <source>Play the range again and again; again: no longer</source>
        <translation>Ripetere il tratto di continuo; ancora: non più</translation>
    </message>
    <message>
        <source>Playing</source>
        <translation>In corso</translation>
    </message>
    <message>
        <source>Playing failed: {0}</source>
        <translation>La riproduzione è fallita: {0}</translation>
    </message>
    <message>
        <source>Plug in and switch on what sends it pictures.</source>
        <translation>Collegare e accendere ciò che gli invia le immagini.</translation>
    </message>
    <message>
        <source>Plug it in again.</source>
        <translation>Ricollegarlo.</translation>
    </message>
    <message>
        <source>Plug one in; let it extend this screen, not mirror it.</source>
        <translation>Collegarne uno; deve estendere questo schermo, non duplicarlo.</translation>
    </message>
    <message>
        <source>Plug the capture card in, or choose another source.</source>
        <translation>Collegare la scheda di acquisizione, o scegliere un'altra sorgente.</translation>
    </message>
    <message>
        <source>Plug the capture device in again.</source>
        <translation>Ricollegare il dispositivo di acquisizione.</translation>
    </message>
    <message>
        <source>Polyp</source>
        <translation>Polipo</translation>
    </message>
    <message>
        <source>Polyp detection rate</source>
        <translation>Tasso di rilevazione dei polipi</translation>
    </message>
    <message>
        <source>Polyp found</source>
        <translation>Polipo trovato</translation>
    </message>
    <message>
        <source>Polyp removed</source>
        <translation>Polipo rimosso</translation>
    </message>
    <message>
        <source>Polyp {0} was marked here in the examination; the AI gave no alarm from {1} s before to {2} s after it.</source>
        <translation>Qui nell'esame è stato segnato il polipo {0}; l'IA non ha dato allarmi da {1} s prima a {2} s dopo.</translation>
    </message>
    <message>
        <source>Polyp {n} found</source>
        <translation>Polipo {n} trovato</translation>
    </message>
    <message>
        <source>Polyp {n} removed</source>
        <translation>Polipo {n} rimosso</translation>
    </message>
    <message>
        <source>Polyps</source>
        <translation>Polipi</translation>
    </message>
    <message>
        <source>Polyps marked</source>
        <translation>Polipi segnati</translation>
    </message>
    <message>
        <source>Polypwatch has stopped</source>
        <translation>Polypwatch si è fermato</translation>
    </message>
    <message>
        <source>Polypwatch: second monitor</source>
        <translation>Polypwatch: secondo monitor</translation>
    </message>
    <message>
        <source>Polypwatch: the second picture</source>
        <translation>Polypwatch: la seconda immagine</translation>
    </message>
    <message>
        <source>Poor view, frozen, outside, light</source>
        <translation>Scarsa, ferma, fuori, luce</translation>
    </message>
    <message>
        <source>Press Y to try once more.</source>
        <translation>Premere Y per riprovare.</translation>
    </message>
    <message>
        <source>Press again: all settings go back to the defaults</source>
        <translation>Premere ancora: tutto torna ai valori predefiniti</translation>
    </message>
    <message>
        <source>Press the key or pedal ...</source>
        <translation>Premere il tasto o il pedale ...</translation>
    </message>
    <message>
        <source>Press {key} again to end the examination.</source>
        <translation>Premere ancora {key} per concludere l'esame.</translation>
    </message>
    <message>
        <source>Press {key} again to quit.</source>
        <translation>Premere ancora {key} per uscire.</translation>
    </message>
    <message>
        <source>Press {key} to start one.</source>
        <translation>Premere {key} per iniziarne uno.</translation>
    </message>
    <message>
        <source>Procedure</source>
        <translation>Procedura</translation>
    </message>
    <message>
        <source>Procedures</source>
        <translation>Procedure</translation>
    </message>
    <message>
        <source>Procedures need results and reviewed, labelled frames.</source>
        <translation>Alle procedure servono risultati e fotogrammi rivisti e annotati.</translation>
    </message>
    <message>
        <source>Procedures: {n}</source>
        <translation>Procedure: {n}</translation>
    </message>
    <message>
        <source>Processor to its own monitor, as always; its second output to the capture card, and to Polypwatch.</source>
        <translation>Dal processore al suo monitor, come sempre; la seconda uscita alla scheda di acquisizione, e a Polypwatch.</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>Programma</translation>
    </message>
    <message>
        <source>Proposed: {format} ({reason}).</source>
        <translation>Proposta: {format} ({reason}).</translation>
    </message>
    <message>
        <source>Publish ...</source>
        <translation>Pubblica ...</translation>
    </message>
    <message>
        <source>Publish what was settled? The labels are what both readers say, and what you decided.</source>
        <translation>Pubblicare ciò che è stato risolto? Le annotazioni sono ciò che dicono entrambi i lettori, e ciò che si è deciso qui.</translation>
    </message>
    <message>
        <source>Publish when that is done.</source>
        <translation>Pubblicare quando è finito.</translation>
    </message>
    <message>
        <source>Publish, once all are settled</source>
        <translation>Pubblicare, quando tutte sono risolte</translation>
    </message>
    <message>
        <source>Published labels cover {share} % of the frames.</source>
        <translation>Le annotazioni pubblicate coprono il {share} % dei fotogrammi.</translation>
    </message>
    <message>
        <source>Put all four back to the settings that the markers are compared with.</source>
        <translation>Riportare tutte e quattro alle impostazioni con cui si confrontano i marcatori.</translation>
    </message>
    <message>
        <source>Put the reviewed video back, or move the review to another folder. Nothing was changed.</source>
        <translation>Rimettere il video rivisto, o spostare la revisione in un'altra cartella. Nulla è stato modificato.</translation>
    </message>
    <message>
        <source>QA room</source>
        <translation>Sala qualità</translation>
    </message>
    <message>
        <source>Quieter</source>
        <translation>Volume più basso</translation>
    </message>
    <message>
        <source>Quit at once</source>
        <translation>Uscire subito</translation>
    </message>
    <message>
        <source>Quit: press twice</source>
        <translation>Uscire: premere due volte</translation>
    </message>
    <message>
        <source>REC</source>
        <translation>REG</translation>
    </message>
    <message>
        <source>REC (BLANK) {time}</source>
        <translation>REG (NERO) {time}</translation>
    </message>
    <message>
        <source>REC {time}</source>
        <translation>REG {time}</translation>
    </message>
    <message>
        <source>REC: {warning}</source>
        <translation>REG: {warning}</translation>
    </message>
    <message>
        <source>RECORDING FAULT</source>
        <translation>REGISTRAZIONE GUASTA</translation>
    </message>
    <message>
        <source>REPLAY FAULT</source>
        <translation>REPLAY GUASTO</translation>
    </message>
    <message>
        <source>REPLAY {ago}</source>
        <translation>REPLAY {ago}</translation>
    </message>
    <message>
        <source>Raise it.</source>
        <translation>Alzarla.</translation>
    </message>
    <message>
        <source>Raw</source>
        <translation>Grezzi</translation>
    </message>
    <message>
        <source>Raw boxes at the threshold</source>
        <translation>Riquadri grezzi alla soglia</translation>
    </message>
    <message>
        <source>Raw candidates with their scores: on or off</source>
        <translation>Candidati grezzi con i punteggi: sì o no</translation>
    </message>
    <message>
        <source>Read only</source>
        <translation>Sola lettura</translation>
    </message>
    <message>
        <source>Read-only file system</source>
        <translation>File system di sola lettura</translation>
    </message>
    <message>
        <source>Reader A is right</source>
        <translation>Ha ragione il lettore A</translation>
    </message>
    <message>
        <source>Reader B is right</source>
        <translation>Ha ragione il lettore B</translation>
    </message>
    <message>
        <source>Readers</source>
        <translation>Lettori</translation>
    </message>
    <message>
        <source>Reading labels and results</source>
        <translation>Lettura di annotazioni e risultati</translation>
    </message>
    <message>
        <source>Reading the audit</source>
        <translation>Lettura della verifica</translation>
    </message>
    <message>
        <source>Reading the recording back ...</source>
        <translation>Rilettura della registrazione ...</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>Registra</translation>
    </message>
    <message>
        <source>Record by itself</source>
        <translation>Registrare da solo</translation>
    </message>
    <message>
        <source>Recorded as black: it may not have been of the inside of a body</source>
        <translation>Registrato nero: forse non era l'interno di un corpo</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>Registrazione</translation>
    </message>
    <message>
        <source>Recording or folder of images…</source>
        <translation>Registrazione o cartella di immagini…</translation>
    </message>
    <message>
        <source>Recording stops before less is free.</source>
        <translation>La registrazione si ferma prima che ne resti meno.</translation>
    </message>
    <message>
        <source>Recording: {fault}</source>
        <translation>Registrazione: {fault}</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Ripeti</translation>
    </message>
    <message>
        <source>Reinstall Polypwatch, or render it: polypwatch phantom --seed 1 --seconds 92 OUT.</source>
        <translation>Reinstallare Polypwatch, o generarla: polypwatch phantom --seed 1 --seconds 92 OUT.</translation>
    </message>
    <message>
        <source>Reinstall Polypwatch.</source>
        <translation>Reinstallare Polypwatch.</translation>
    </message>
    <message>
        <source>Reinstall Polypwatch: its models come with it.</source>
        <translation>Reinstallare Polypwatch: i modelli ne fanno parte.</translation>
    </message>
    <message>
        <source>Reinstall PyAV (`pip install --force-reinstall av`); cameras can still be opened by number: camera:0.</source>
        <translation>Reinstallare PyAV (`pip install --force-reinstall av`); le telecamere si possono ancora aprire per numero: camera:0.</translation>
    </message>
    <message>
        <source>Remark</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Removed</source>
        <translation>Rimosso</translation>
    </message>
    <message>
        <source>Rename one of them, or score them one by one.</source>
        <translation>Rinominarne una, o valutarle una alla volta.</translation>
    </message>
    <message>
        <source>Replay</source>
        <translation>Replay</translation>
    </message>
    <message>
        <source>Replay: boxes and lesions</source>
        <translation>Replay: riquadri e lesioni</translation>
    </message>
    <message>
        <source>Replay: from one thing to the next</source>
        <translation>Replay: da un punto al prossimo</translation>
    </message>
    <message>
        <source>Replay: playing</source>
        <translation>Replay: riproduzione</translation>
    </message>
    <message>
        <source>Replay: ranges</source>
        <translation>Replay: tratti</translation>
    </message>
    <message>
        <source>Replay: what is seen</source>
        <translation>Replay: che cosa si vede</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Referto</translation>
    </message>
    <message>
        <source>Report of the QA room</source>
        <translation>Rapporto della sala qualità</translation>
    </message>
    <message>
        <source>Report…</source>
        <translation>Rapporto…</translation>
    </message>
    <message>
        <source>Research use only, not a medical device</source>
        <translation>Solo per ricerca, non è un dispositivo medico</translation>
    </message>
    <message>
        <source>Resection</source>
        <translation>Resezione</translation>
    </message>
    <message>
        <source>Restore it from the export, or remove it to import without it.</source>
        <translation>Ripristinarlo dall'esportazione, o toglierlo per importare senza.</translation>
    </message>
    <message>
        <source>Restore it or export the model again.</source>
        <translation>Ripristinarlo, o esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Restore it, or move it away.</source>
        <translation>Ripristinarlo, o spostarlo altrove.</translation>
    </message>
    <message>
        <source>Restore it, or open the video file itself.</source>
        <translation>Ripristinarlo, o aprire direttamente il file video.</translation>
    </message>
    <message>
        <source>Restore it.</source>
        <translation>Ripristinarlo.</translation>
    </message>
    <message>
        <source>Restore video-001.mkv.</source>
        <translation>Ripristinare video-001.mkv.</translation>
    </message>
    <message>
        <source>Results are being read ...</source>
        <translation>Lettura dei risultati ...</translation>
    </message>
    <message>
        <source>Review</source>
        <translation>Revisione</translation>
    </message>
    <message>
        <source>Review one, and publish its labels first.</source>
        <translation>Prima rivederne una, e pubblicarne le annotazioni.</translation>
    </message>
    <message>
        <source>Review {0} minutes more.</source>
        <translation>Rivedere altri {0} minuti.</translation>
    </message>
    <message>
        <source>Reviewed</source>
        <translation>Rivisto</translation>
    </message>
    <message>
        <source>Reviewed {time} of {whole} ({share} %)</source>
        <translation>Rivisti {time} di {whole} ({share} %)</translation>
    </message>
    <message>
        <source>Reviewed: the range, or what was just played; without boxes it says 'no polyp'</source>
        <translation>Rivisto: il tratto, o ciò che è appena stato riprodotto; senza riquadri dice 'nessun polipo'</translation>
    </message>
    <message>
        <source>Reviewed: {range}</source>
        <translation>Rivisto: {range}</translation>
    </message>
    <message>
        <source>Reviewer</source>
        <translation>Revisore</translation>
    </message>
    <message>
        <source>Reviewer: {name}</source>
        <translation>Revisore: {name}</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>Destra</translation>
    </message>
    <message>
        <source>Right edge</source>
        <translation>Bordo destro</translation>
    </message>
    <message>
        <source>Right: a polyp</source>
        <translation>Giusto: un polipo</translation>
    </message>
    <message>
        <source>Room</source>
        <translation>Sala</translation>
    </message>
    <message>
        <source>Room 2</source>
        <translation>Sala 2</translation>
    </message>
    <message>
        <source>Room file</source>
        <translation>File della sala</translation>
    </message>
    <message>
        <source>Room files (*.json)</source>
        <translation>File di sala (*.json)</translation>
    </message>
    <message>
        <source>Rooms with settings of their own</source>
        <translation>Sale con impostazioni proprie</translation>
    </message>
    <message>
        <source>Round them.</source>
        <translation>Arrotondarli.</translation>
    </message>
    <message>
        <source>Run `pip install --force-reinstall --no-deps onnxruntime-gpu` (or `onnxruntime` where there is no such wheel) in Polypwatch's environment.</source>
        <translation>Eseguire `pip install --force-reinstall --no-deps onnxruntime-gpu` (o `onnxruntime` dove quella wheel non c'è) nell'ambiente di Polypwatch.</translation>
    </message>
    <message>
        <source>Run `pip uninstall -y {0}` and then install Polypwatch again.</source>
        <translation>Eseguire `pip uninstall -y {0}` e poi installare di nuovo Polypwatch.</translation>
    </message>
    <message>
        <source>Run `polypwatch devices` for the names; close other programs that use the camera.</source>
        <translation>Eseguire `polypwatch devices` per i nomi; chiudere gli altri programmi che usano la telecamera.</translation>
    </message>
    <message>
        <source>Run with `--provider cpu`, or update the NVIDIA driver; a new driver is compared anew.</source>
        <translation>Avviare con `--provider cpu`, o aggiornare il driver NVIDIA; un nuovo driver viene confrontato di nuovo.</translation>
    </message>
    <message>
        <source>Runs unseen beside the other one, for QA to compare.</source>
        <translation>Funziona non visto accanto all'altro, per il confronto di qualità.</translation>
    </message>
    <message>
        <source>SD taken for HD</source>
        <translation>SD preso per HD</translation>
    </message>
    <message>
        <source>SECOND MONITOR FAULT</source>
        <translation>SECONDO MONITOR GUASTO</translation>
    </message>
    <message>
        <source>SECOND MONITOR GONE</source>
        <translation>SECONDO MONITOR SCOMPARSO</translation>
    </message>
    <message>
        <source>SECOND MONITOR: NO ROOM ON IT</source>
        <translation>SECONDO MONITOR: SENZA SPAZIO</translation>
    </message>
    <message>
        <source>SECOND MONITOR: THIS WINDOW IS ON IT</source>
        <translation>SECONDO MONITOR: QUI C'È QUESTA FINESTRA</translation>
    </message>
    <message>
        <source>SEEKING: this is the nearest key frame</source>
        <translation>RICERCA: questo è il fotogramma chiave più vicino</translation>
    </message>
    <message>
        <source>SELF-TEST: phantom, not the patient</source>
        <translation>AUTOTEST: fantoccio, non il paziente</translation>
    </message>
    <message>
        <source>SENSITIVITY HIGH</source>
        <translation>SENSIBILITÀ ALTA</translation>
    </message>
    <message>
        <source>SENSITIVITY LOW</source>
        <translation>SENSIBILITÀ BASSA</translation>
    </message>
    <message>
        <source>SHADOW: NO BOXES</source>
        <translation>OMBRA: NESSUN RIQUADRO</translation>
    </message>
    <message>
        <source>SYNC ENDED: AI TOO SLOW</source>
        <translation>SINCRONIA FINITA: IA TROPPO LENTA</translation>
    </message>
    <message>
        <source>SYNC WAITS FOR AI</source>
        <translation>SINCRONIA ATTENDE L'IA</translation>
    </message>
    <message>
        <source>SYNCHRONISED +{n} MS</source>
        <translation>SINCRONIZZATA +{n} MS</translation>
    </message>
    <message>
        <source>Save as a room file ...</source>
        <translation>Salva come file della sala ...</translation>
    </message>
    <message>
        <source>Save the picture, with and without boxes</source>
        <translation>Salvare l'immagine, con e senza riquadri</translation>
    </message>
    <message>
        <source>Save the room file</source>
        <translation>Salvare il file della sala</translation>
    </message>
    <message>
        <source>Saved: {answer}, with its box. {key} takes both back.</source>
        <translation>Salvato: {answer}, con il suo riquadro. {key} annulla entrambi.</translation>
    </message>
    <message>
        <source>Saved: {answer}. {key} takes it back.</source>
        <translation>Salvato: {answer}. {key} lo annulla.</translation>
    </message>
    <message>
        <source>Saving ...</source>
        <translation>Salvataggio ...</translation>
    </message>
    <message>
        <source>Say --crop X,Y,W,H or auto; or full, if you have looked and nothing stands there.</source>
        <translation>Indicare --crop X,Y,W,H o auto; o full, se si è guardato e non vi è scritto nulla.</translation>
    </message>
    <message>
        <source>Say --crop X,Y,W,H, or --crop full if nothing is beside it.</source>
        <translation>Indicare --crop X,Y,W,H, o --crop full se accanto non c'è nulla.</translation>
    </message>
    <message>
        <source>Say --format: {0}.</source>
        <translation>Indicare --format: {0}.</translation>
    </message>
    <message>
        <source>Say who does (a code, not a name).</source>
        <translation>Indicare chi acconsente (un codice, non un nome).</translation>
    </message>
    <message>
        <source>Scope in</source>
        <translation>Ingresso</translation>
    </message>
    <message>
        <source>Scope in: insertion begins</source>
        <translation>Ingresso dell'endoscopio: inizia l'introduzione</translation>
    </message>
    <message>
        <source>Scope out</source>
        <translation>Uscita</translation>
    </message>
    <message>
        <source>Scope out: withdrawal ends</source>
        <translation>Uscita dell'endoscopio: fine della retrazione</translation>
    </message>
    <message>
        <source>Score</source>
        <translation>Punteggio</translation>
    </message>
    <message>
        <source>Scoring</source>
        <translation>valutazione</translation>
    </message>
    <message>
        <source>Screen</source>
        <translation>Schermo</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Cercare</translation>
    </message>
    <message>
        <source>Search: title, file, date, endoscopist, indication, model, reader</source>
        <translation>Cerca: titolo, file, data, endoscopista, indicazione, modello, lettore</translation>
    </message>
    <message>
        <source>Second monitor</source>
        <translation>Secondo monitor</translation>
    </message>
    <message>
        <source>Second monitor off.</source>
        <translation>Secondo monitor spento.</translation>
    </message>
    <message>
        <source>Second monitor on or off</source>
        <translation>Accendere o spegnere il secondo monitor</translation>
    </message>
    <message>
        <source>Second monitor: {name}.</source>
        <translation>Secondo monitor: {name}.</translation>
    </message>
    <message>
        <source>Segment</source>
        <translation>Sede</translation>
    </message>
    <message>
        <source>Self-test</source>
        <translation>Autotest</translation>
    </message>
    <message>
        <source>Self-test not passed: {0}</source>
        <translation>Autotest non superato: {0}</translation>
    </message>
    <message>
        <source>Self-test not passed: {checks}</source>
        <translation>Autotest non superato: {checks}</translation>
    </message>
    <message>
        <source>Self-test passed: all of the chain works</source>
        <translation>Autotest superato: tutta la catena funziona</translation>
    </message>
    <message>
        <source>Send to room</source>
        <translation>Inviare alla sala</translation>
    </message>
    <message>
        <source>Send to room ...</source>
        <translation>Invia alla sala ...</translation>
    </message>
    <message>
        <source>Sensitivity</source>
        <translation>Sensibilità</translation>
    </message>
    <message>
        <source>Sensitivity {0} % ({1} to {2})</source>
        <translation>Sensibilità {0} % (da {1} a {2})</translation>
    </message>
    <message>
        <source>Sensitivity {0} % ({1} to {2}).</source>
        <translation>Sensibilità {0} % (da {1} a {2}).</translation>
    </message>
    <message>
        <source>Sensitivity: high</source>
        <translation>Sensibilità: alta</translation>
    </message>
    <message>
        <source>Sensitivity: limits of your own</source>
        <translation>Sensibilità: limiti propri</translation>
    </message>
    <message>
        <source>Sensitivity: low</source>
        <translation>Sensibilità: bassa</translation>
    </message>
    <message>
        <source>Sensitivity: normal</source>
        <translation>Sensibilità: normale</translation>
    </message>
    <message>
        <source>Serrated lesion detection rate</source>
        <translation>Tasso di rilevazione delle lesioni serrate</translation>
    </message>
    <message>
        <source>Set it on this computer</source>
        <translation>Imposta su questo computer</translation>
    </message>
    <message>
        <source>Set it to one of {0} with its maker's tool, if it has one.</source>
        <translation>Impostarla su uno di {0} con il programma del costruttore, se c'è.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto or x264, or look at the graphics driver.</source>
        <translation>Impostare recording.encoder su auto o x264, o controllare il driver grafico.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto, or --deinterlace off.</source>
        <translation>Impostare recording.encoder su auto, o --deinterlace off.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto, or confirm that the source's whole picture holds no text that tells who the patient is.</source>
        <translation>Impostare recording.encoder su auto, o confermare che nell'immagine intera della sorgente non si legge chi è il paziente.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto.</source>
        <translation>Impostare recording.encoder su auto.</translation>
    </message>
    <message>
        <source>Set recording.encoder to x264.</source>
        <translation>Impostare recording.encoder su x264.</translation>
    </message>
    <message>
        <source>Set recording.folder, or start with --record FOLDER.</source>
        <translation>Impostare recording.folder, o avviare con --record CARTELLA.</translation>
    </message>
    <message>
        <source>Set the area by hand (--area X,Y,W,H or full).</source>
        <translation>Impostare l'area a mano (--area X,Y,W,H o full).</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Impostazioni</translation>
    </message>
    <message>
        <source>Settle differences</source>
        <translation>Risolvi le differenze</translation>
    </message>
    <message>
        <source>Settle differences: {name}</source>
        <translation>Risolvere le differenze: {name}</translation>
    </message>
    <message>
        <source>Settle what two readers differ on</source>
        <translation>Risolvere le differenze tra due lettori</translation>
    </message>
    <message>
        <source>Settle what two readers differ on, once both have committed</source>
        <translation>Risolvere le differenze tra due lettori, quando entrambi hanno concluso</translation>
    </message>
    <message>
        <source>Settled. Another answer takes its place.</source>
        <translation>Risolta. Un'altra risposta la sostituisce.</translation>
    </message>
    <message>
        <source>Shadow mode</source>
        <translation>Modalità ombra</translation>
    </message>
    <message>
        <source>Shadow mode has ended: polyps are marked again.</source>
        <translation>Modalità ombra terminata: i polipi sono di nuovo segnalati.</translation>
    </message>
    <message>
        <source>Shadow mode: the AI runs and is recorded, but shows nothing.</source>
        <translation>Modalità ombra: l'IA funziona e viene registrata, ma non mostra nulla.</translation>
    </message>
    <message>
        <source>Shadow: the AI is recorded, but shows nothing</source>
        <translation>Ombra: l'IA viene registrata, ma non mostra nulla</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>Forma</translation>
    </message>
    <message>
        <source>Shape of the picture</source>
        <translation>Forma dell'immagine</translation>
    </message>
    <message>
        <source>Shortest marker, in ms</source>
        <translation>Marcatore più breve, in ms</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>Mostra tutto</translation>
    </message>
    <message>
        <source>Show or hide the background analyses</source>
        <translation>Mostrare o nascondere le analisi in sottofondo</translation>
    </message>
    <message>
        <source>Show or hide the boxes</source>
        <translation>Mostrare o nascondere i riquadri</translation>
    </message>
    <message>
        <source>Show or hide the keys</source>
        <translation>Mostrare o nascondere i tasti</translation>
    </message>
    <message>
        <source>Show or hide this page</source>
        <translation>Mostrare o nascondere questa pagina</translation>
    </message>
    <message>
        <source>Show the first</source>
        <translation>Mostra il primo</translation>
    </message>
    <message>
        <source>Show the markers there, too.</source>
        <translation>Mostrare i marcatori anche lì.</translation>
    </message>
    <message>
        <source>Show these days</source>
        <translation>Mostra questi giorni</translation>
    </message>
    <message>
        <source>Shown as two pictures: as found, never, or so.</source>
        <translation>Mostrati come due immagini: come trovato, mai, o così.</translation>
    </message>
    <message>
        <source>Sign at the edge</source>
        <translation>Segno al bordo</translation>
    </message>
    <message>
        <source>Signal lost</source>
        <translation>Segnale perso</translation>
    </message>
    <message>
        <source>Site</source>
        <translation>Sede</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Dimensione</translation>
    </message>
    <message>
        <source>Size, mm</source>
        <translation>Dimensione, mm</translation>
    </message>
    <message>
        <source>Slower</source>
        <translation>Più lento</translation>
    </message>
    <message>
        <source>Snapshot</source>
        <translation>Fotografia</translation>
    </message>
    <message>
        <source>Snapshot saved.</source>
        <translation>Fotografia salvata.</translation>
    </message>
    <message>
        <source>Some windows cannot be asked</source>
        <translation>Alcune finestre non si possono mostrare</translation>
    </message>
    <message>
        <source>Somebody looked at the whole picture. Only then may the source's own stream be recorded as it is.</source>
        <translation>Qualcuno ha guardato l'immagine intera. Solo allora il flusso della sorgente può essere registrato così com'è.</translation>
    </message>
    <message>
        <source>Something is being written already.</source>
        <translation>Si sta già scrivendo qualcosa.</translation>
    </message>
    <message>
        <source>Sound</source>
        <translation>Suono</translation>
    </message>
    <message>
        <source>Sound off</source>
        <translation>Suono spento</translation>
    </message>
    <message>
        <source>Sound on</source>
        <translation>Suono acceso</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>Sorgente</translation>
    </message>
    <message>
        <source>Sources of the kind {0}:// are not known.</source>
        <translation>Sorgenti del tipo {0}:// non sono note.</translation>
    </message>
    <message>
        <source>Speed {speed}</source>
        <translation>Velocità {speed}</translation>
    </message>
    <message>
        <source>Split</source>
        <translation>Dividi</translation>
    </message>
    <message>
        <source>Split the chosen lesion here: from here on it is another</source>
        <translation>Dividere qui la lesione scelta: da qui in poi è un'altra</translation>
    </message>
    <message>
        <source>Square</source>
        <translation>Quadrati</translation>
    </message>
    <message>
        <source>Start one first.</source>
        <translation>Prima iniziarne uno.</translation>
    </message>
    <message>
        <source>Start or stop recording</source>
        <translation>Avviare o fermare la registrazione</translation>
    </message>
    <message>
        <source>Start the examination; end it: press twice</source>
        <translation>Iniziare l'esame; concluderlo: premere due volte</translation>
    </message>
    <message>
        <source>Start with --record FOLDER.</source>
        <translation>Avviare con --record CARTELLA.</translation>
    </message>
    <message>
        <source>Start with a folder for recordings.</source>
        <translation>Avviare con una cartella per le registrazioni.</translation>
    </message>
    <message>
        <source>Started on {date} at {time}; {n} minutes were noted.</source>
        <translation>Iniziato il {date} alle {time}; sono annotati {n} minuti.</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Avvio</translation>
    </message>
    <message>
        <source>Stills do not move, so that the picture area cannot be found. {0}</source>
        <translation>Le immagini fisse non si muovono, quindi l'area dell'immagine non si può trovare. {0}</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Ferma</translation>
    </message>
    <message>
        <source>Stop the recording; the next start of the program repairs what is damaged.</source>
        <translation>Fermare la registrazione; il prossimo avvio del programma ripara ciò che è danneggiato.</translation>
    </message>
    <message>
        <source>Switch the AI off and on again.</source>
        <translation>Spegnere e riaccendere l'IA.</translation>
    </message>
    <message>
        <source>Synchronised</source>
        <translation>Sincronizzata</translation>
    </message>
    <message>
        <source>Synchronised: each picture waits for its own boxes</source>
        <translation>Sincronizzata: ogni immagine attende i suoi riquadri</translation>
    </message>
    <message>
        <source>System libraries are missing.</source>
        <translation>Mancano librerie di sistema.</translation>
    </message>
    <message>
        <source>Take 'reviewed' back from the range</source>
        <translation>Togliere 'rivisto' dal tratto</translation>
    </message>
    <message>
        <source>Take 4 to 40 letters, digits and hyphens: P-7K3MQ9TD.</source>
        <translation>Usare da 4 a 40 lettere, cifre e trattini: P-7K3MQ9TD.</translation>
    </message>
    <message>
        <source>Take in a room file ...</source>
        <translation>Carica un file della sala ...</translation>
    </message>
    <message>
        <source>Take out of the library (nothing is deleted)</source>
        <translation>Togliere dall'archivio (nulla viene eliminato)</translation>
    </message>
    <message>
        <source>Take the box of the AI or of the labels over as one's own</source>
        <translation>Adottare come proprio il riquadro dell'IA o delle annotazioni</translation>
    </message>
    <message>
        <source>Take the last mark back</source>
        <translation>Annullare l'ultimo segno</translation>
    </message>
    <message>
        <source>Take the proposal</source>
        <translation>Prendi la proposta</translation>
    </message>
    <message>
        <source>Take what was drawn or typed</source>
        <translation>Accettare ciò che è stato disegnato o scritto</translation>
    </message>
    <message>
        <source>Taken</source>
        <translation>Data</translation>
    </message>
    <message>
        <source>Taken (UTC)</source>
        <translation>Data (UTC)</translation>
    </message>
    <message>
        <source>Taken back: {mark}</source>
        <translation>Annullato: {mark}</translation>
    </message>
    <message>
        <source>Ten frames back; a chosen box: 10 px</source>
        <translation>Dieci fotogrammi indietro; un riquadro scelto: 10 px</translation>
    </message>
    <message>
        <source>Ten frames on; a chosen box: 10 px</source>
        <translation>Dieci fotogrammi avanti; un riquadro scelto: 10 px</translation>
    </message>
    <message>
        <source>Test the whole chain on the phantom, ten seconds</source>
        <translation>Provare tutta la catena sul fantoccio, dieci secondi</translation>
    </message>
    <message>
        <source>That is a name from another system; run `polypwatch devices` here.</source>
        <translation>È un nome di un altro sistema; eseguire qui `polypwatch devices`.</translation>
    </message>
    <message>
        <source>The AI gave an alarm for {0} s (score {1}), and nobody marked a polyp.</source>
        <translation>L'IA ha dato un allarme per {0} s (punteggio {1}), e nessuno ha segnato un polipo.</translation>
    </message>
    <message>
        <source>The AI gave an alarm for {0} s (score {1}).</source>
        <translation>L'IA ha dato un allarme per {0} s (punteggio {1}).</translation>
    </message>
    <message>
        <source>The AI is on but analysed nothing. Start Polypwatch again.</source>
        <translation>L'IA è accesa ma non ha analizzato nulla. Riavviare Polypwatch.</translation>
    </message>
    <message>
        <source>The AI needs {0} of shared memory and did not get it: {1}{2}.</source>
        <translation>L'IA ha bisogno di {0} di memoria condivisa e non l'ha avuta: {1}{2}.</translation>
    </message>
    <message>
        <source>The AI process could not be started: {0}.</source>
        <translation>Il processo dell'IA non è partito: {0}.</translation>
    </message>
    <message>
        <source>The AI runs and is recorded, but shows nothing: for the first week.</source>
        <translation>L'IA funziona e viene registrata, ma non mostra nulla: per la prima settimana.</translation>
    </message>
    <message>
        <source>The AI was not on at the end but {0}.</source>
        <translation>Alla fine l'IA non era accesa ma {0}.</translation>
    </message>
    <message>
        <source>The CUDA runtime cannot be loaded: {0}.</source>
        <translation>Il runtime CUDA non si può caricare: {0}.</translation>
    </message>
    <message>
        <source>The DICOM export was broken off: the window was closed.</source>
        <translation>L'esportazione DICOM è stata interrotta: la finestra è stata chiusa.</translation>
    </message>
    <message>
        <source>The DICOM files are being written.</source>
        <translation>I file DICOM vengono scritti.</translation>
    </message>
    <message>
        <source>The NVIDIA driver does not say its version (NVML error {0}).</source>
        <translation>Il driver NVIDIA non dice la sua versione (errore NVML {0}).</translation>
    </message>
    <message>
        <source>The NVIDIA driver finds no card.</source>
        <translation>Il driver NVIDIA non trova nessuna scheda.</translation>
    </message>
    <message>
        <source>The NVIDIA driver finds no usable card (CUDA error {0}).</source>
        <translation>Il driver NVIDIA non trova nessuna scheda utilizzabile (errore CUDA {0}).</translation>
    </message>
    <message>
        <source>The analysing process broke off: {0}. Analyse it again to go on.</source>
        <translation>Il processo di analisi si è interrotto: {0}. Analizzarla di nuovo per continuare.</translation>
    </message>
    <message>
        <source>The analysis failed: {0}: {1}.</source>
        <translation>L'analisi è fallita: {0}: {1}.</translation>
    </message>
    <message>
        <source>The answer was taken back.</source>
        <translation>La risposta è stata annullata.</translation>
    </message>
    <message>
        <source>The answers of {0} are of {1} frames, {2} has {3}.</source>
        <translation>Le risposte di {0} sono di {1} fotogrammi, {2} ne ha {3}.</translation>
    </message>
    <message>
        <source>The audit cannot go on</source>
        <translation>La verifica non può proseguire</translation>
    </message>
    <message>
        <source>The box ({0}, {1}, {2}, {3}) lies outside of the picture of {4} x {5} pixels.</source>
        <translation>Il riquadro ({0}, {1}, {2}, {3}) sta fuori dall'immagine di {4} x {5} pixel.</translation>
    </message>
    <message>
        <source>The boxes lie apart</source>
        <translation>I riquadri sono distanti</translation>
    </message>
    <message>
        <source>The camera options in {0} are not understood.</source>
        <translation>Le opzioni della telecamera in {0} non sono comprensibili.</translation>
    </message>
    <message>
        <source>The cameras cannot be listed: FFmpeg's {0} input says {1}.</source>
        <translation>Le telecamere non si possono elencare: l'ingresso {0} di FFmpeg dice {1}.</translation>
    </message>
    <message>
        <source>The change</source>
        <translation>La modifica</translation>
    </message>
    <message>
        <source>The clip is being opened.</source>
        <translation>La clip si sta aprendo.</translation>
    </message>
    <message>
        <source>The clips could not be worked out</source>
        <translation>Le clip non si sono potute calcolare</translation>
    </message>
    <message>
        <source>The command line</source>
        <translation>La riga di comando</translation>
    </message>
    <message>
        <source>The computer's</source>
        <translation>Del computer</translation>
    </message>
    <message>
        <source>The copy</source>
        <translation>copia</translation>
    </message>
    <message>
        <source>The copy of {0} holds another number of pictures.</source>
        <translation>La copia di {0} contiene un altro numero di immagini.</translation>
    </message>
    <message>
        <source>The copy would go into the procedure that it is of.</source>
        <translation>La copia andrebbe nella procedura stessa di cui è copia.</translation>
    </message>
    <message>
        <source>The crop {0} is not inside of the picture of {1}x{2}.</source>
        <translation>Il ritaglio {0} non sta dentro l'immagine di {1}x{2}.</translation>
    </message>
    <message>
        <source>The curves are being worked out: tracking runs anew at every threshold.</source>
        <translation>Le curve sono in calcolo: l'inseguimento si ripete a ogni soglia.</translation>
    </message>
    <message>
        <source>The default settings are used.</source>
        <translation>Si usano le impostazioni predefinite.</translation>
    </message>
    <message>
        <source>The detector did not start: {0}.</source>
        <translation>Il rilevatore non è partito: {0}.</translation>
    </message>
    <message>
        <source>The device does not offer {0}.</source>
        <translation>Il dispositivo non offre {0}.</translation>
    </message>
    <message>
        <source>The device offers no pixel format that can be read (it offers {0}).</source>
        <translation>Il dispositivo non offre formati di pixel leggibili (offre {0}).</translation>
    </message>
    <message>
        <source>The disk is nearly full: {0} GB are free, at {1} GB the recording stops.</source>
        <translation>Il disco è quasi pieno: sono liberi {0} GB, a {1} GB la registrazione si ferma.</translation>
    </message>
    <message>
        <source>The disk is slow: the last {0} s would be lost if the power failed now.</source>
        <translation>Il disco è lento: se mancasse la corrente ora, si perderebbero gli ultimi {0} s.</translation>
    </message>
    <message>
        <source>The disk lasts for about {0} more minutes of recording ({1} GB are free, at {2} GB the recording stops).</source>
        <translation>Il disco basta per circa altri {0} minuti di registrazione (sono liberi {1} GB, a {2} GB la registrazione si ferma).</translation>
    </message>
    <message>
        <source>The encoder '{0}' does not work on this computer: {1}.</source>
        <translation>Il codificatore '{0}' non funziona su questo computer: {1}.</translation>
    </message>
    <message>
        <source>The encoder {0} failed: {1}.</source>
        <translation>Il codificatore {0} ha fallito: {1}.</translation>
    </message>
    <message>
        <source>The end of the journal is missing.</source>
        <translation>Manca la fine del registro.</translation>
    </message>
    <message>
        <source>The examination does not begin with its start.</source>
        <translation>L'esame non comincia dal suo inizio.</translation>
    </message>
    <message>
        <source>The examination is closed.</source>
        <translation>L'esame è chiuso.</translation>
    </message>
    <message>
        <source>The examination is not recorded: {why}</source>
        <translation>L'esame non viene registrato: {why}</translation>
    </message>
    <message>
        <source>The examination was not ended.</source>
        <translation>L'esame non è stato concluso.</translation>
    </message>
    <message>
        <source>The examination was not started: {0}.</source>
        <translation>L'esame non è stato iniziato: {0}.</translation>
    </message>
    <message>
        <source>The examination's journal cannot be written ({0}: {1}).</source>
        <translation>Il registro dell'esame non si può scrivere ({0}: {1}).</translation>
    </message>
    <message>
        <source>The examinations, whatever the model</source>
        <translation>Gli esami, qualunque sia il modello</translation>
    </message>
    <message>
        <source>The export</source>
        <translation>esportazione</translation>
    </message>
    <message>
        <source>The file was changed by hand; restore it.</source>
        <translation>Il file è stato modificato a mano; ripristinarlo.</translation>
    </message>
    <message>
        <source>The file was changed or damaged.</source>
        <translation>Il file è stato modificato o danneggiato.</translation>
    </message>
    <message>
        <source>The first picture is being looked for.</source>
        <translation>Si cerca la prima immagine.</translation>
    </message>
    <message>
        <source>The first {shown} of {all}.</source>
        <translation>I primi {shown} di {all}.</translation>
    </message>
    <message>
        <source>The folder is not empty</source>
        <translation>La cartella non è vuota</translation>
    </message>
    <message>
        <source>The folder {0} cannot be written ({1}), so that no edit could be kept. Choose a folder for reviews.</source>
        <translation>Nella cartella {0} non si può scrivere ({1}), quindi nessuna modifica si potrebbe conservare. Scegliere una cartella per le revisioni.</translation>
    </message>
    <message>
        <source>The folder {0} does not exist.</source>
        <translation>La cartella {0} non esiste.</translation>
    </message>
    <message>
        <source>The folder {0} has no {1}.</source>
        <translation>La cartella {0} non ha {1}.</translation>
    </message>
    <message>
        <source>The folder {0} holds no images.</source>
        <translation>La cartella {0} non contiene immagini.</translation>
    </message>
    <message>
        <source>The folder {0} may not be read.</source>
        <translation>La cartella {0} non si può leggere.</translation>
    </message>
    <message>
        <source>The folders of the library are being looked through; clips come as soon as there is a procedure.</source>
        <translation>Le cartelle dell'archivio sono in esame; le clip arrivano appena c'è una procedura.</translation>
    </message>
    <message>
        <source>The format {0} is not understood: {1}.</source>
        <translation>Il formato {0} non è comprensibile: {1}.</translation>
    </message>
    <message>
        <source>The frames of {0} are not counted yet.</source>
        <translation>I fotogrammi di {0} non sono ancora contati.</translation>
    </message>
    <message>
        <source>The frames of {0} are still being counted: it can be reviewed when that is done.</source>
        <translation>I fotogrammi di {0} sono ancora in conteggio: si potrà rivedere quando è finito.</translation>
    </message>
    <message>
        <source>The graphics card cannot be compared with the CPU: {0}</source>
        <translation>La scheda grafica non si può confrontare con la CPU: {0}</translation>
    </message>
    <message>
        <source>The handover</source>
        <translation>consegna</translation>
    </message>
    <message>
        <source>The journal was changed by hand.</source>
        <translation>Il registro è stato modificato a mano.</translation>
    </message>
    <message>
        <source>The key {0} would be for both '{1}' and '{2}'; '{3}' does without it until you choose.</source>
        <translation>Il tasto {0} varrebbe sia per '{1}' sia per '{2}'; '{3}' resta senza finché non se ne sceglie uno.</translation>
    </message>
    <message>
        <source>The keys{0} cannot be so. {1}.</source>
        <translation>I tasti{0} non possono essere così. {1}.</translation>
    </message>
    <message>
        <source>The labels of {0} are of {1} frames, it has {2}.</source>
        <translation>Le annotazioni di {0} sono di {1} fotogrammi, ma ne ha {2}.</translation>
    </message>
    <message>
        <source>The labels of {0} differ between the two.</source>
        <translation>Le annotazioni di {0} sono diverse tra i due.</translation>
    </message>
    <message>
        <source>The labels that are there cannot be kept aside ({0}: {1}).</source>
        <translation>Le annotazioni presenti non si possono mettere da parte ({0}: {1}).</translation>
    </message>
    <message>
        <source>The labels that lie beside the videos are still being checked.</source>
        <translation>Le annotazioni accanto ai video sono ancora in controllo.</translation>
    </message>
    <message>
        <source>The last decision is taken back.</source>
        <translation>L'ultima decisione è annullata.</translation>
    </message>
    <message>
        <source>The last self-test is still being put away.</source>
        <translation>L'ultimo autotest è ancora in chiusura.</translation>
    </message>
    <message>
        <source>The library's index cannot be kept in {0} ({1}): it is made anew at every start. Name another folder in POLYPWATCH_CACHE.</source>
        <translation>L'indice dell'archivio non si può conservare in {0} ({1}): si rifà a ogni avvio. Indicare un'altra cartella in POLYPWATCH_CACHE.</translation>
    </message>
    <message>
        <source>The library's index is closed.</source>
        <translation>L'indice dell'archivio è chiuso.</translation>
    </message>
    <message>
        <source>The library's index was damaged ({0}) and is made anew from the folders. Nothing else was lost.</source>
        <translation>L'indice dell'archivio era danneggiato ({0}) e si rifà dalle cartelle. Nient'altro è andato perso.</translation>
    </message>
    <message>
        <source>The licence allows commercial use</source>
        <translation>La licenza consente l'uso commerciale</translation>
    </message>
    <message>
        <source>The live picture and the AI end meanwhile. Look at the processor's own monitor.</source>
        <translation>Intanto l'immagine dal vivo e l'IA si fermano. Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>The live window goes on.</source>
        <translation>La finestra dal vivo prosegue.</translation>
    </message>
    <message>
        <source>The log has the details.</source>
        <translation>I dettagli sono nel log.</translation>
    </message>
    <message>
        <source>The log {0} cannot be followed at line {1}: {2} What stands before is shown, and nothing can be changed.</source>
        <translation>Il registro {0} non si può seguire alla riga {1}: {2} Si mostra ciò che precede, e nulla si può modificare.</translation>
    </message>
    <message>
        <source>The log {0} is broken: {1}. What stands before is shown, and nothing can be changed. Restore the file from a copy, or move it away to begin anew.</source>
        <translation>Il registro {0} è corrotto: {1}. Si mostra ciò che precede, e nulla si può modificare. Ripristinare il file da una copia, o spostarlo altrove per ricominciare.</translation>
    </message>
    <message>
        <source>The marks are kept.</source>
        <translation>I segni vengono conservati.</translation>
    </message>
    <message>
        <source>The model file {0} was changed or damaged: its SHA-256 is {1}..., its manifest says {2}....</source>
        <translation>Il file del modello {0} è stato modificato o danneggiato: il suo SHA-256 è {1}..., il manifesto dice {2}....</translation>
    </message>
    <message>
        <source>The most is 1920 x 1080 at 60/s: convert it to a smaller size first.</source>
        <translation>Al massimo 1920 x 1080 a 60/s: convertirlo prima in un formato più piccolo.</translation>
    </message>
    <message>
        <source>The network gave results that are not numbers.</source>
        <translation>La rete ha dato risultati che non sono numeri.</translation>
    </message>
    <message>
        <source>The network of {0} gave scores up to {1} and classes {2} to {3}; its manifest allows scores up to 1 and classes 0 to {4}.</source>
        <translation>La rete di {0} ha dato punteggi fino a {1} e classi da {2} a {3}; il manifesto ammette punteggi fino a 1 e classi da 0 a {4}.</translation>
    </message>
    <message>
        <source>The next box drawn is a new lesion (else the chosen one)</source>
        <translation>Il prossimo riquadro è una nuova lesione (altrimenti quella scelta)</translation>
    </message>
    <message>
        <source>The next box is a new lesion.</source>
        <translation>Il prossimo riquadro è una nuova lesione.</translation>
    </message>
    <message>
        <source>The phantom cannot be played: {0}.</source>
        <translation>Il fantoccio non si può riprodurre: {0}.</translation>
    </message>
    <message>
        <source>The phantom procedure is not installed: {0} is missing.</source>
        <translation>La procedura del fantoccio non è installata: manca {0}.</translation>
    </message>
    <message>
        <source>The photograph is being saved.</source>
        <translation>La fotografia viene salvata.</translation>
    </message>
    <message>
        <source>The picture area could not be found ({0}); the whole picture is shown.</source>
        <translation>L'area dell'immagine non è stata trovata ({0}); si mostra l'immagine intera.</translation>
    </message>
    <message>
        <source>The picture area could not be found: {0}. Set it by hand.</source>
        <translation>L'area dell'immagine non è stata trovata: {0}. Impostarla a mano.</translation>
    </message>
    <message>
        <source>The picture area is being looked for: move the endoscope a little.</source>
        <translation>Si cerca l'area dell'immagine: muovere un po' l'endoscopio.</translation>
    </message>
    <message>
        <source>The picture area is being looked for; the whole picture is shown meanwhile.</source>
        <translation>Si cerca l'area dell'immagine; intanto si mostra l'immagine intera.</translation>
    </message>
    <message>
        <source>The picture area {0} must have even numbers, and a width and height.</source>
        <translation>L'area dell'immagine {0} deve avere numeri pari, una larghezza e un'altezza.</translation>
    </message>
    <message>
        <source>The picture cannot be painted.</source>
        <translation>L'immagine non si può disegnare.</translation>
    </message>
    <message>
        <source>The picture cannot be painted.
Look at the processor's own monitor.</source>
        <translation>L'immagine non si può disegnare.
Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>The picture cannot be painted. The log says why.</source>
        <translation>L'immagine non si può disegnare. Il motivo è nel log.</translation>
    </message>
    <message>
        <source>The picture is not checked now: {fault}</source>
        <translation>L'immagine ora non è controllata: {fault}</translation>
    </message>
    <message>
        <source>The picture is right</source>
        <translation>L'immagine è giusta</translation>
    </message>
    <message>
        <source>The picture is shown as it comes again.</source>
        <translation>L'immagine è di nuovo mostrata come arriva.</translation>
    </message>
    <message>
        <source>The picture is {0} x {1} pixels: the area {2} that was set for it does not fit.</source>
        <translation>L'immagine è di {0} x {1} pixel: l'area {2} impostata per essa non ci sta.</translation>
    </message>
    <message>
        <source>The picture stands still</source>
        <translation>L'immagine è ferma</translation>
    </message>
    <message>
        <source>The picture {0} cannot be read.</source>
        <translation>L'immagine {0} non si può leggere.</translation>
    </message>
    <message>
        <source>The preset of room '{name}' is set on this computer.</source>
        <translation>La preimpostazione della sala '{name}' è impostata su questo computer.</translation>
    </message>
    <message>
        <source>The processor's own monitor is not affected.</source>
        <translation>Il monitor del processore non ne risente.</translation>
    </message>
    <message>
        <source>The processor's own monitor stays connected, and Polypwatch is the second picture.</source>
        <translation>Il monitor del processore resta collegato, e Polypwatch è la seconda immagine.</translation>
    </message>
    <message>
        <source>The processor's own monitor stays the primary picture.</source>
        <translation>Il monitor del processore resta l'immagine principale.</translation>
    </message>
    <message>
        <source>The processor's own monitor: stays connected</source>
        <translation>Il monitor del processore: resta collegato</translation>
    </message>
    <message>
        <source>The published labels of the chosen procedures, for another tool.</source>
        <translation>Le annotazioni pubblicate delle procedure scelte, per un altro programma.</translation>
    </message>
    <message>
        <source>The range begins here</source>
        <translation>Il tratto inizia qui</translation>
    </message>
    <message>
        <source>The range ends here</source>
        <translation>Il tratto finisce qui</translation>
    </message>
    <message>
        <source>The recording cannot be read back: {0}. Check the disk.</source>
        <translation>La registrazione non si può rileggere: {0}. Controllare il disco.</translation>
    </message>
    <message>
        <source>The recording failed: {0}</source>
        <translation>La registrazione è fallita: {0}</translation>
    </message>
    <message>
        <source>The recording falls behind: {0} pictures wait. Close other programs.</source>
        <translation>La registrazione resta indietro: {0} immagini in attesa. Chiudere gli altri programmi.</translation>
    </message>
    <message>
        <source>The recording goes on.</source>
        <translation>La registrazione prosegue.</translation>
    </message>
    <message>
        <source>The recording {0} cannot be repaired: {1}.</source>
        <translation>La registrazione {0} non si può riparare: {1}.</translation>
    </message>
    <message>
        <source>The recording {0} was interrupted and is not repaired yet: {1}.</source>
        <translation>La registrazione {0} è stata interrotta e non è ancora riparata: {1}.</translation>
    </message>
    <message>
        <source>The recording {0} was interrupted and is repaired: {1}.</source>
        <translation>La registrazione {0} è stata interrotta ed è riparata: {1}.</translation>
    </message>
    <message>
        <source>The recording {0} was not ended: open Polypwatch once, which recovers it. Then it can be reviewed; until then its video files can be opened one by one.</source>
        <translation>La registrazione {0} non è stata conclusa: aprire una volta Polypwatch, che la recupera. Poi si potrà rivedere; fino ad allora i suoi file video si possono aprire uno alla volta.</translation>
    </message>
    <message>
        <source>The replay makes way: there is a mark below it.</source>
        <translation>Il replay si ritira: sotto c'è un marcatore.</translation>
    </message>
    <message>
        <source>The report</source>
        <translation>rapporto</translation>
    </message>
    <message>
        <source>The report cannot be made: Qt does not begin another page.</source>
        <translation>Il referto non si può creare: Qt non comincia un'altra pagina.</translation>
    </message>
    <message>
        <source>The report cannot be made: Qt does not write PDF here.</source>
        <translation>Il referto non si può creare: qui Qt non scrive PDF.</translation>
    </message>
    <message>
        <source>The report is being written.</source>
        <translation>Il referto viene scritto.</translation>
    </message>
    <message>
        <source>The report is written.</source>
        <translation>Il referto è scritto.</translation>
    </message>
    <message>
        <source>The report is written: {file}.</source>
        <translation>Il rapporto è scritto: {file}.</translation>
    </message>
    <message>
        <source>The report is written; the record has gaps.</source>
        <translation>Il referto è scritto; la registrazione degli eventi è lacunosa.</translation>
    </message>
    <message>
        <source>The report was not written: {why}</source>
        <translation>Il referto non è stato scritto: {why}</translation>
    </message>
    <message>
        <source>The report {0} cannot be written: {1}.</source>
        <translation>Il referto {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>The result is shown after the last of {all} windows; {done} were answered before.</source>
        <translation>Il risultato appare dopo l'ultima di {all} finestre; {done} hanno già una risposta.</translation>
    </message>
    <message>
        <source>The results cannot be read</source>
        <translation>I risultati non si possono leggere</translation>
    </message>
    <message>
        <source>The results would overwrite the input {0}.</source>
        <translation>I risultati sovrascriverebbero l'ingresso {0}.</translation>
    </message>
    <message>
        <source>The review cannot be saved ({0}: {1}).</source>
        <translation>La revisione non si può salvare ({0}: {1}).</translation>
    </message>
    <message>
        <source>The review {0} cannot be read: {1}</source>
        <translation>La revisione {0} non si può leggere: {1}</translation>
    </message>
    <message>
        <source>The review {0} is broken: {1}. What stands before is shown.</source>
        <translation>La revisione {0} è corrotta: {1}. Si mostra ciò che precede.</translation>
    </message>
    <message>
        <source>The review {0} is left out, because its chain is broken: {1}.</source>
        <translation>La revisione {0} è esclusa, perché la sua catena è corrotta: {1}.</translation>
    </message>
    <message>
        <source>The review {0} is left out: {1}</source>
        <translation>La revisione {0} è esclusa: {1}</translation>
    </message>
    <message>
        <source>The room</source>
        <translation>La sala</translation>
    </message>
    <message>
        <source>The room '{0}'</source>
        <translation>La sala '{0}'</translation>
    </message>
    <message>
        <source>The room file is written: {path}. 'polypwatch settings --import' takes it in.</source>
        <translation>Il file della sala è scritto: {path}. 'polypwatch settings --import' lo importa.</translation>
    </message>
    <message>
        <source>The room has no name yet.</source>
        <translation>La sala non ha ancora un nome.</translation>
    </message>
    <message>
        <source>The same, during the withdrawal only</source>
        <translation>Lo stesso, solo durante la retrazione</translation>
    </message>
    <message>
        <source>The score from which a marker appears.</source>
        <translation>Il punteggio da cui appare un marcatore.</translation>
    </message>
    <message>
        <source>The search through the folders failed: {0}. The log has the details.</source>
        <translation>L'esame delle cartelle è fallito: {0}. I dettagli sono nel log.</translation>
    </message>
    <message>
        <source>The second monitor is back: {name}.</source>
        <translation>Il secondo monitor è tornato: {name}.</translation>
    </message>
    <message>
        <source>The second monitor is gone: {name}.</source>
        <translation>Il secondo monitor è scomparso: {name}.</translation>
    </message>
    <message>
        <source>The second monitor shows boxes, too.</source>
        <translation>Il secondo monitor mostra anche i riquadri.</translation>
    </message>
    <message>
        <source>The second monitor shows the picture without boxes.</source>
        <translation>Il secondo monitor mostra l'immagine senza riquadri.</translation>
    </message>
    <message>
        <source>The settings could not be used and were kept as {0}; nothing was set since: the default settings are used. `polypwatch settings --reset` accepts them.</source>
        <translation>Le impostazioni non erano utilizzabili e sono conservate come {0}; da allora nulla è stato impostato: si usano quelle predefinite. `polypwatch settings --reset` le accetta.</translation>
    </message>
    <message>
        <source>The snapshot was not saved: the picture cannot be written as PNG.</source>
        <translation>La fotografia non è stata salvata: l'immagine non si può scrivere come PNG.</translation>
    </message>
    <message>
        <source>The snapshot was not saved: {0}: {1}.</source>
        <translation>La fotografia non è stata salvata: {0}: {1}.</translation>
    </message>
    <message>
        <source>The sound is muted. Press M, and test again.</source>
        <translation>Il suono è spento. Premere M e ripetere il test.</translation>
    </message>
    <message>
        <source>The sound was played. Did you hear it?</source>
        <translation>Il suono è stato emesso. Si è sentito?</translation>
    </message>
    <message>
        <source>The source cannot be opened</source>
        <translation>La sorgente non si apre</translation>
    </message>
    <message>
        <source>The source sends the same picture again and again. No polyps are marked.</source>
        <translation>La sorgente invia sempre la stessa immagine. I polipi non sono segnalati.</translation>
    </message>
    <message>
        <source>The stream cannot be copied while its fields are shown as pictures of their own: no frame would be found again in it.</source>
        <translation>Il flusso non si può copiare mentre i suoi campi sono mostrati come immagini a sé: nessun fotogramma vi si ritroverebbe.</translation>
    </message>
    <message>
        <source>The stream is not copied: {0}.</source>
        <translation>Il flusso non viene copiato: {0}.</translation>
    </message>
    <message>
        <source>The time of the examination has no time zone.</source>
        <translation>L'ora dell'esame non ha un fuso orario.</translation>
    </message>
    <message>
        <source>The two have looked at no frame in common, so that nothing can be compared.</source>
        <translation>I due non hanno guardato nessun fotogramma in comune, quindi non c'è nulla da confrontare.</translation>
    </message>
    <message>
        <source>The two models do not differ in any reviewed event.</source>
        <translation>I due modelli non differiscono in nessun evento rivisto.</translation>
    </message>
    <message>
        <source>The video goes on.</source>
        <translation>Il video prosegue.</translation>
    </message>
    <message>
        <source>The video has ended</source>
        <translation>Il video è finito</translation>
    </message>
    <message>
        <source>The video in {0} cannot be decoded: {1}.</source>
        <translation>Il video in {0} non si può decodificare: {1}.</translation>
    </message>
    <message>
        <source>The video in {0} cannot be read: {1}.</source>
        <translation>Il video in {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>The video is interlaced ({0}): each frame is shown as two pictures.</source>
        <translation>Il video è interlacciato ({0}): ogni fotogramma è mostrato come due immagini.</translation>
    </message>
    <message>
        <source>The video is interlaced: each frame is shown as two pictures.</source>
        <translation>Il video è interlacciato: ogni fotogramma è mostrato come due immagini.</translation>
    </message>
    <message>
        <source>The video is too short to find its picture area.</source>
        <translation>Il video è troppo corto per trovarne l'area dell'immagine.</translation>
    </message>
    <message>
        <source>The video was exchanged or cut; restore it, or open the video file itself.</source>
        <translation>Il video è stato scambiato o tagliato; ripristinarlo, o aprire direttamente il file video.</translation>
    </message>
    <message>
        <source>The whole picture</source>
        <translation>L'immagine intera</translation>
    </message>
    <message>
        <source>The window crashed and was started again.</source>
        <translation>La finestra si è arrestata ed è stata riavviata.</translation>
    </message>
    <message>
        <source>The window {0}: {1} crashes within {2} s.</source>
        <translation>La finestra {0}: {1} arresti in {2} s.</translation>
    </message>
    <message>
        <source>The window {0}: {1} times in a row it has not come up.</source>
        <translation>La finestra {0}: {1} volte di seguito non si è aperta.</translation>
    </message>
    <message>
        <source>The worklist asks about the procedures of the library. Add a folder with recordings there.</source>
        <translation>La lista di lavoro riguarda le procedure dell'archivio. Aggiungere lì una cartella con registrazioni.</translation>
    </message>
    <message>
        <source>The worklist is not for blinded reading</source>
        <translation>La lista di lavoro non è per la lettura in cieco</translation>
    </message>
    <message>
        <source>The written video holds {0} pictures of {1}.</source>
        <translation>Il video scritto contiene {0} immagini su {1}.</translation>
    </message>
    <message>
        <source>The {0} '{1}' cannot be written into a DICOM file.</source>
        <translation>Il {0} '{1}' non si può scrivere in un file DICOM.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened as {1}: {2}.</source>
        <translation>La sorgente {0} non si apre come {1}: {2}.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened: this machine has no {1} devices.</source>
        <translation>La sorgente {0} non si apre: questo computer non ha dispositivi {1}.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened{1}.</source>
        <translation>La sorgente {0} non si apre{1}.</translation>
    </message>
    <message>
        <source>The {0} carries no picture.</source>
        <translation>La sorgente {0} non porta immagini.</translation>
    </message>
    <message>
        <source>The {0} file of {1} on {2} does not give the boxes of the CPU: {3}.</source>
        <translation>Il file {0} di {1} su {2} non dà i riquadri della CPU: {3}.</translation>
    </message>
    <message>
        <source>The {0} gives {1}, not {2} as asked for.</source>
        <translation>La sorgente {0} dà {1}, non {2} come richiesto.</translation>
    </message>
    <message>
        <source>The {0} provider did not start: {1}.</source>
        <translation>Il provider {0} non è partito: {1}.</translation>
    </message>
    <message>
        <source>There are no figures</source>
        <translation>Non ci sono indicatori</translation>
    </message>
    <message>
        <source>There are no frames {0} to {1} here: the procedure has {2}.</source>
        <translation>Qui non ci sono i fotogrammi da {0} a {1}: la procedura ne ha {2}.</translation>
    </message>
    <message>
        <source>There are no results yet</source>
        <translation>Non ci sono ancora risultati</translation>
    </message>
    <message>
        <source>There can be no sound: {0}. Connect a loudspeaker; boxes appear as always.</source>
        <translation>Il suono non è possibile: {0}. Collegare un altoparlante; i riquadri appaiono come sempre.</translation>
    </message>
    <message>
        <source>There is a lesion {0} already.</source>
        <translation>C'è già una lesione {0}.</translation>
    </message>
    <message>
        <source>There is no box here to take over.</source>
        <translation>Qui non c'è nessun riquadro da adottare.</translation>
    </message>
    <message>
        <source>There is no box of your own in this frame.</source>
        <translation>In questo fotogramma non c'è nessun riquadro proprio.</translation>
    </message>
    <message>
        <source>There is no camera {0}.</source>
        <translation>La telecamera {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no decision to take back.</source>
        <translation>Non c'è nessuna decisione da annullare.</translation>
    </message>
    <message>
        <source>There is no encoder '{0}'.</source>
        <translation>Il codificatore '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no folder for examinations.</source>
        <translation>Non c'è una cartella per gli esami.</translation>
    </message>
    <message>
        <source>There is no folder {0} either.</source>
        <translation>Anche la cartella {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no folder {path}.</source>
        <translation>La cartella {path} non c'è.</translation>
    </message>
    <message>
        <source>There is no format '{0}'.</source>
        <translation>Il formato '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no frame {0} here: the procedure has {1}.</source>
        <translation>Qui non c'è il fotogramma {0}: la procedura ne ha {1}.</translation>
    </message>
    <message>
        <source>There is no lesion {0} here.</source>
        <translation>Qui la lesione {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no lesion {0}.</source>
        <translation>La lesione {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no lesion {n}.</source>
        <translation>La lesione {n} non c'è.</translation>
    </message>
    <message>
        <source>There is no mark to take back.</source>
        <translation>Non ci sono segni da annullare.</translation>
    </message>
    <message>
        <source>There is no model '{0}'.</source>
        <translation>Il modello '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no model folder {0}.</source>
        <translation>La cartella del modello {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no picture to save yet.</source>
        <translation>Non c'è ancora un'immagine da salvare.</translation>
    </message>
    <message>
        <source>There is no picture yet.</source>
        <translation>Non c'è ancora un'immagine.</translation>
    </message>
    <message>
        <source>There is no procedure in these folders</source>
        <translation>In queste cartelle non c'è nessuna procedura</translation>
    </message>
    <message>
        <source>There is no procedure yet</source>
        <translation>Non c'è ancora nessuna procedura</translation>
    </message>
    <message>
        <source>There is no provider '{0}'.</source>
        <translation>Il provider '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no recording and no video below these folders.</source>
        <translation>In queste cartelle non c'è nessuna registrazione e nessun video.</translation>
    </message>
    <message>
        <source>There is no room for {0} pictures of {1} bytes in shared memory.</source>
        <translation>Nella memoria condivisa non c'è posto per {0} immagini di {1} byte.</translation>
    </message>
    <message>
        <source>There is no second monitor.</source>
        <translation>Non c'è un secondo monitor.</translation>
    </message>
    <message>
        <source>There is no sensitivity '{0}'.</source>
        <translation>La sensibilità '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no setting '{0}'{1}.</source>
        <translation>L'impostazione '{0}' non c'è{1}.</translation>
    </message>
    <message>
        <source>There is no window to draw: everything in these procedures is reviewed or was on the screen.</source>
        <translation>Non c'è nessuna finestra da estrarre: in queste procedure tutto è rivisto o era sullo schermo.</translation>
    </message>
    <message>
        <source>There is no {0}: nobody knows when its frames were taken. The video file itself can be opened.</source>
        <translation>Manca {0}: non si sa quando sono stati ripresi i suoi fotogrammi. Si può aprire direttamente il file video.</translation>
    </message>
    <message>
        <source>There is nothing left to decide.</source>
        <translation>Non resta nulla da decidere.</translation>
    </message>
    <message>
        <source>There is nothing to redo.</source>
        <translation>Non c'è nulla da ripetere.</translation>
    </message>
    <message>
        <source>There is nothing to replay.</source>
        <translation>Non c'è nulla da rivedere.</translation>
    </message>
    <message>
        <source>There is nothing to settle in {name}</source>
        <translation>In {name} non c'è nulla da risolvere</translation>
    </message>
    <message>
        <source>There is nothing to try settings on.</source>
        <translation>Non c'è nulla su cui provare impostazioni.</translation>
    </message>
    <message>
        <source>There is nothing to undo.</source>
        <translation>Non c'è nulla da annullare.</translation>
    </message>
    <message>
        <source>There is nothing to {0}.</source>
        <translation>Non c'è nulla da {0}.</translation>
    </message>
    <message>
        <source>These are answers of several models: {0}.</source>
        <translation>Queste sono risposte di più modelli: {0}.</translation>
    </message>
    <message>
        <source>These procedures were answered at different thresholds ({0}).</source>
        <translation>Queste procedure hanno risposte a soglie diverse ({0}).</translation>
    </message>
    <message>
        <source>These procedures were reviewed or analysed since the windows were drawn, so that the draw cannot go on.</source>
        <translation>Queste procedure sono state riviste o analizzate dopo l'estrazione delle finestre, quindi la verifica non può proseguire.</translation>
    </message>
    <message>
        <source>These settings cannot be sent to a room.</source>
        <translation>Queste impostazioni non si possono inviare a una sala.</translation>
    </message>
    <message>
        <source>They differ: {what}</source>
        <translation>Sono diversi: {what}</translation>
    </message>
    <message>
        <source>This GStreamer has no decklinkvideosrc.</source>
        <translation>Questo GStreamer non ha decklinkvideosrc.</translation>
    </message>
    <message>
        <source>This ONNX Runtime has no {0} provider (it has: {1}).</source>
        <translation>Questo ONNX Runtime non ha il provider {0} (ha: {1}).</translation>
    </message>
    <message>
        <source>This ONNX Runtime is built without CUDA.</source>
        <translation>Questo ONNX Runtime è costruito senza CUDA.</translation>
    </message>
    <message>
        <source>This area is right</source>
        <translation>Quest'area è giusta</translation>
    </message>
    <message>
        <source>This computer encodes about {0} pictures per second of {1} x {2} with {3}, and {4} come: pictures may be missing in the recording. Close other programs, or choose a smaller format of the source.</source>
        <translation>Questo computer codifica circa {0} immagini al secondo di {1} x {2} con {3}, e ne arrivano {4}: nella registrazione possono mancare immagini. Chiudere gli altri programmi, o scegliere un formato più piccolo della sorgente.</translation>
    </message>
    <message>
        <source>This could not be worked out: {0}. The log has the details.</source>
        <translation>Il calcolo non è riuscito: {0}. I dettagli sono nel log.</translation>
    </message>
    <message>
        <source>This disagreement is not of these two reviews.</source>
        <translation>Questo disaccordo non è di queste due revisioni.</translation>
    </message>
    <message>
        <source>This edit was not kept: {0}. The log has the details.</source>
        <translation>Questa modifica non è stata conservata: {0}. I dettagli sono nel log.</translation>
    </message>
    <message>
        <source>This is not yet the picture that was asked for: boxes can be drawn in a moment.</source>
        <translation>Questa non è ancora l'immagine richiesta: i riquadri si possono disegnare tra un attimo.</translation>
    </message>
    <message>
        <source>This is the last frame: there is nothing to carry the box to.</source>
        <translation>Questo è l'ultimo fotogramma: non c'è dove propagare il riquadro.</translation>
    </message>
    <message>
        <source>This machine has no video device.</source>
        <translation>Questo computer non ha dispositivi video.</translation>
    </message>
    <message>
        <source>This needs no decision: there is no such lesion any more.</source>
        <translation>Questo non richiede una decisione: la lesione non c'è più.</translation>
    </message>
    <message>
        <source>This picture is damaged: {0}.</source>
        <translation>Questa immagine è danneggiata: {0}.</translation>
    </message>
    <message>
        <source>This review was closed.</source>
        <translation>Questa revisione è stata chiusa.</translation>
    </message>
    <message>
        <source>This session cannot record.</source>
        <translation>Questa sessione non può registrare.</translation>
    </message>
    <message>
        <source>This source is not compressed: there is no stream to copy.</source>
        <translation>Questa sorgente non è compressa: non c'è un flusso da copiare.</translation>
    </message>
    <message>
        <source>This window has no self-test.</source>
        <translation>Questa finestra non ha l'autotest.</translation>
    </message>
    <message>
        <source>Those before are kept as {names}.</source>
        <translation>Le precedenti sono conservate come {names}.</translation>
    </message>
    <message>
        <source>Threads on the CPU</source>
        <translation>Thread sulla CPU</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Soglia</translation>
    </message>
    <message>
        <source>Threshold (expert)</source>
        <translation>Soglia (esperti)</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Tempo</translation>
    </message>
    <message>
        <source>Time before a marker, in ms</source>
        <translation>Tempo prima del marcatore, in ms</translation>
    </message>
    <message>
        <source>Time to first detection, median</source>
        <translation>Tempo alla prima segnalazione, mediana</translation>
    </message>
    <message>
        <source>Time with a false alarm</source>
        <translation>Tempo con un falso allarme</translation>
    </message>
    <message>
        <source>Timeline</source>
        <translation>Linea del tempo</translation>
    </message>
    <message>
        <source>Timeline: closer</source>
        <translation>Linea del tempo: più vicino</translation>
    </message>
    <message>
        <source>Timeline: further away</source>
        <translation>Linea del tempo: più lontano</translation>
    </message>
    <message>
        <source>Timeline: the range, or all of it</source>
        <translation>Linea del tempo: il tratto, o tutta</translation>
    </message>
    <message>
        <source>Times and frame numbers are estimates until all frames are counted: {done}.</source>
        <translation>Tempi e numeri dei fotogrammi sono stime finché non sono contati tutti: {done}.</translation>
    </message>
    <message>
        <source>To delete them: `polypwatch recordings --delete`, after the examination.</source>
        <translation>Per eliminarle: `polypwatch recordings --delete`, dopo l'esame.</translation>
    </message>
    <message>
        <source>To first detection</source>
        <translation>Fino alla prima segnalazione</translation>
    </message>
    <message>
        <source>To the beginning</source>
        <translation>All'inizio</translation>
    </message>
    <message>
        <source>To the end</source>
        <translation>Alla fine</translation>
    </message>
    <message>
        <source>Too little contrast</source>
        <translation>Contrasto troppo basso</translation>
    </message>
    <message>
        <source>Too much contrast</source>
        <translation>Contrasto troppo alto</translation>
    </message>
    <message>
        <source>Top first</source>
        <translation>Prima il superiore</translation>
    </message>
    <message>
        <source>Trouble</source>
        <translation>Problemi</translation>
    </message>
    <message>
        <source>Trouble ({n})</source>
        <translation>Problemi ({n})</translation>
    </message>
    <message>
        <source>Try `gst-inspect-1.0 videotestsrc`.</source>
        <translation>Provare `gst-inspect-1.0 videotestsrc`.</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Riprova</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>Riprovare tra un momento.</translation>
    </message>
    <message>
        <source>Try again when it is done.</source>
        <translation>Riprovare quando ha finito.</translation>
    </message>
    <message>
        <source>Try again, or use `polypwatch report`.</source>
        <translation>Riprovare, o usare `polypwatch report`.</translation>
    </message>
    <message>
        <source>Try another provider or model.</source>
        <translation>Provare un altro provider o un altro modello.</translation>
    </message>
    <message>
        <source>Try another provider.</source>
        <translation>Provare un altro provider.</translation>
    </message>
    <message>
        <source>Try it with gst-launch-1.0, ending in `! autovideosink`; install the plug-in that a missing element is from. Write no appsink: it is added.</source>
        <translation>Provarla con gst-launch-1.0, con `! autovideosink` alla fine; installare il plug-in da cui viene un elemento mancante. Non scrivere appsink: viene aggiunto.</translation>
    </message>
    <message>
        <source>Try the pipeline with gst-launch-1.0, ending in `! autovideosink`.</source>
        <translation>Provare la pipeline con gst-launch-1.0, con `! autovideosink` alla fine.</translation>
    </message>
    <message>
        <source>Trying again ({n}).</source>
        <translation>Si riprova ({n}).</translation>
    </message>
    <message>
        <source>Two fields in each frame</source>
        <translation>Due campi in ogni fotogramma</translation>
    </message>
    <message>
        <source>Two procedures are called {0}.</source>
        <translation>Due procedure si chiamano {0}.</translation>
    </message>
    <message>
        <source>Two readers and a third who decides are needed.</source>
        <translation>Servono due lettori e un terzo che decide.</translation>
    </message>
    <message>
        <source>Two views need two re-analyses of this procedure.</source>
        <translation>Per due viste servono due rianalisi di questa procedura.</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Annulla</translation>
    </message>
    <message>
        <source>Unexpected error in {place}: {error}.</source>
        <translation>Errore inatteso in {place}: {error}.</translation>
    </message>
    <message>
        <source>Unexpected error: {0}: {1}.</source>
        <translation>Errore inatteso: {0}: {1}.</translation>
    </message>
    <message>
        <source>Unexpected error: {kind}: {error}.</source>
        <translation>Errore inatteso: {kind}: {error}.</translation>
    </message>
    <message>
        <source>Unplug and replug the device, or restart Polypwatch.</source>
        <translation>Scollegare e ricollegare il dispositivo, o riavviare Polypwatch.</translation>
    </message>
    <message>
        <source>Unplug the device and plug it in again.</source>
        <translation>Scollegare e ricollegare il dispositivo.</translation>
    </message>
    <message>
        <source>Unplug the device and plug it in again; try another port and cable.</source>
        <translation>Scollegare e ricollegare il dispositivo; provare un'altra porta e un altro cavo.</translation>
    </message>
    <message>
        <source>Unreviewed range before</source>
        <translation>Tratto non rivisto precedente</translation>
    </message>
    <message>
        <source>Unsure</source>
        <translation>Incerto</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>Su</translation>
    </message>
    <message>
        <source>Up to {width} x {height} at {rates}.</source>
        <translation>Fino a {width} x {height} a {rates}.</translation>
    </message>
    <message>
        <source>Upper edge</source>
        <translation>Bordo superiore</translation>
    </message>
    <message>
        <source>Use a newer version of Polypwatch.</source>
        <translation>Usare una versione più nuova di Polypwatch.</translation>
    </message>
    <message>
        <source>Use for training</source>
        <translation>Usare per l'addestramento</translation>
    </message>
    <message>
        <source>Use for training…</source>
        <translation>Usa per l'addestramento…</translation>
    </message>
    <message>
        <source>Use rtsp, udp, rtp, tcp, http or https.</source>
        <translation>Usare rtsp, udp, rtp, tcp, http o https.</translation>
    </message>
    <message>
        <source>Use the version of Polypwatch that wrote it, or a newer one.</source>
        <translation>Usare la versione di Polypwatch che lo ha scritto, o una più nuova.</translation>
    </message>
    <message>
        <source>Use the version that wrote it, or a newer one.</source>
        <translation>Usare la versione che l'ha scritta, o una più nuova.</translation>
    </message>
    <message>
        <source>VIDEO ENDED</source>
        <translation>VIDEO FINITO</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Valore</translation>
    </message>
    <message>
        <source>Value error, {0}</source>
        <translation>Valore errato, {0}</translation>
    </message>
    <message>
        <source>Valve</source>
        <translation>Valvola</translation>
    </message>
    <message>
        <source>Variant {0} of {1} wants resize rule '{2}'; this version has '{3}'.</source>
        <translation>La variante {0} di {1} richiede la regola di ridimensionamento '{2}'; questa versione ha '{3}'.</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>Giudizio</translation>
    </message>
    <message>
        <source>Video</source>
        <translation>Video</translation>
    </message>
    <message>
        <source>Video file</source>
        <translation>File video</translation>
    </message>
    <message>
        <source>Video file ...</source>
        <translation>File video ...</translation>
    </message>
    <message>
        <source>Video of {0} x {1} pixels at {2}/s is more than DICOM's H.264 video holds.</source>
        <translation>Un video di {0} x {1} pixel a {2}/s è più di quanto contiene il video H.264 di DICOM.</translation>
    </message>
    <message>
        <source>Video or DICOM file…</source>
        <translation>File video o DICOM…</translation>
    </message>
    <message>
        <source>Videos</source>
        <translation>Video</translation>
    </message>
    <message>
        <source>Videos are MP4, MOV, MKV, WebM, AVI, MPEG or TS files; for images, name the image or their folder.</source>
        <translation>I video sono file MP4, MOV, MKV, WebM, AVI, MPEG o TS; per le immagini, indicare l'immagine o la loro cartella.</translation>
    </message>
    <message>
        <source>Volume {percent} %</source>
        <translation>Volume {percent} %</translation>
    </message>
    <message>
        <source>Volume, in %</source>
        <translation>Volume, in %</translation>
    </message>
    <message>
        <source>WRITING FILES</source>
        <translation>SCRITTURA FILE</translation>
    </message>
    <message>
        <source>Wait until all are.</source>
        <translation>Attendere che lo siano tutte.</translation>
    </message>
    <message>
        <source>Wait until it is complete.</source>
        <translation>Attendere che sia completa.</translation>
    </message>
    <message>
        <source>Wait until it is done, or stop it.</source>
        <translation>Attendere che finisca, o fermarlo.</translation>
    </message>
    <message>
        <source>Wait until that has ended.</source>
        <translation>Attendere che abbia finito.</translation>
    </message>
    <message>
        <source>Wait until that is done.</source>
        <translation>Attendere che sia finito.</translation>
    </message>
    <message>
        <source>Wait until they are.</source>
        <translation>Attendere che lo siano.</translation>
    </message>
    <message>
        <source>Waiting for the first picture ...</source>
        <translation>In attesa della prima immagine ...</translation>
    </message>
    <message>
        <source>Waiting: {why}. A live examination comes first.</source>
        <translation>In attesa: {why}. Un esame dal vivo viene prima.</translation>
    </message>
    <message>
        <source>Was it cut short, or edited by hand?</source>
        <translation>È stato troncato, o modificato a mano?</translation>
    </message>
    <message>
        <source>Was it cut?</source>
        <translation>È stato tagliato?</translation>
    </message>
    <message>
        <source>Was it merged or erased meanwhile?</source>
        <translation>È stata unita o cancellata nel frattempo?</translation>
    </message>
    <message>
        <source>Was it written whole?</source>
        <translation>È stato scritto per intero?</translation>
    </message>
    <message>
        <source>Was the video cut or converted? Analyse this one again.</source>
        <translation>Il video è stato tagliato o convertito? Analizzare di nuovo questo.</translation>
    </message>
    <message>
        <source>Wash</source>
        <translation>Lavaggio</translation>
    </message>
    <message>
        <source>Watch the processor's own monitor; the log has the details.</source>
        <translation>Guardare il monitor del processore; i dettagli sono nel log.</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Che cosa</translation>
    </message>
    <message>
        <source>What both readers say is taken over. On what they differ, a third decides, and does not learn who is A and who is B before all is settled. Every decision is kept in a log of its own.</source>
        <translation>Ciò che entrambi i lettori dicono viene adottato. Su ciò in cui differiscono decide una terza persona, che non sa chi è A e chi è B finché tutto non è risolto. Ogni decisione è conservata in un registro proprio.</translation>
    </message>
    <message>
        <source>What did nobody mark?</source>
        <translation>Che cosa non ha segnato nessuno?</translation>
    </message>
    <message>
        <source>What if</source>
        <translation>E se</translation>
    </message>
    <message>
        <source>What if: other alert settings</source>
        <translation>E se: altre impostazioni di segnalazione</translation>
    </message>
    <message>
        <source>What models and marks say of the procedures is being compared.</source>
        <translation>Si confronta ciò che modelli e segni dicono delle procedure.</translation>
    </message>
    <message>
        <source>What runs the model</source>
        <translation>Chi esegue il modello</translation>
    </message>
    <message>
        <source>What stood on the screen (definition 'shown')</source>
        <translation>Ciò che era sullo schermo (definizione 'shown')</translation>
    </message>
    <message>
        <source>What they may be used for; 'internal' is an answer</source>
        <translation>Per che cosa si possono usare; 'internal' è una risposta</translation>
    </message>
    <message>
        <source>What they were taken for and are, as 601:709. Empty: they are right.</source>
        <translation>Per che cosa sono stati presi e che cosa sono, come 601:709. Vuoto: sono giusti.</translation>
    </message>
    <message>
        <source>What was named and does not come up is an error.</source>
        <translation>Ciò che è indicato e non si avvia è un errore.</translation>
    </message>
    <message>
        <source>What was recorded is kept. You can start Polypwatch again.</source>
        <translation>Ciò che è stato registrato è conservato. Polypwatch si può riavviare.</translation>
    </message>
    <message>
        <source>What was shown live</source>
        <translation>Ciò che è stato mostrato dal vivo</translation>
    </message>
    <message>
        <source>What was shown live, else the only results</source>
        <translation>Ciò che è stato mostrato dal vivo, altrimenti gli unici risultati</translation>
    </message>
    <message>
        <source>What was to be written</source>
        <translation>Ciò che si doveva scrivere</translation>
    </message>
    <message>
        <source>What you see is its last picture.</source>
        <translation>Si vede la sua ultima immagine.</translation>
    </message>
    <message>
        <source>What you see is the last picture received, not the present one.</source>
        <translation>Si vede l'ultima immagine ricevuta, non quella attuale.</translation>
    </message>
    <message>
        <source>Where do the pictures come from?</source>
        <translation>Da dove vengono le immagini?</translation>
    </message>
    <message>
        <source>Whether it is interlaced shows as soon as something moves.</source>
        <translation>Se è interlacciato si vede appena qualcosa si muove.</translation>
    </message>
    <message>
        <source>Which part is the endoscope's picture?</source>
        <translation>Quale parte è l'immagine dell'endoscopio?</translation>
    </message>
    <message>
        <source>Who A and B are is said when all is settled and committed.</source>
        <translation>Chi sono A e B si dice quando tutto è risolto e concluso.</translation>
    </message>
    <message>
        <source>Who consents to training: a code, not a name</source>
        <translation>Chi acconsente all'addestramento: un codice, non un nome</translation>
    </message>
    <message>
        <source>Who decides?</source>
        <translation>Chi decide?</translation>
    </message>
    <message>
        <source>Who reviews?</source>
        <translation>Chi fa la revisione?</translation>
    </message>
    <message>
        <source>Whole picture</source>
        <translation>Immagine intera</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Finestra</translation>
    </message>
    <message>
        <source>With a finger, the mouse, or the arrow keys (with Shift: faster).</source>
        <translation>Con un dito, il mouse o le frecce (con Maiusc: più veloce).</translation>
    </message>
    <message>
        <source>With pictures of misses and false alarms</source>
        <translation>Con immagini di lesioni non rilevate e falsi allarmi</translation>
    </message>
    <message>
        <source>Withdrawal</source>
        <translation>Retrazione</translation>
    </message>
    <message>
        <source>Withdrawal {time}; the target is {target} on average</source>
        <translation>Retrazione {time}; l'obiettivo medio è {target}</translation>
    </message>
    <message>
        <source>Withdrawal, in minutes</source>
        <translation>Retrazione, in minuti</translation>
    </message>
    <message>
        <source>Work out again</source>
        <translation>Ricalcola</translation>
    </message>
    <message>
        <source>Work out the clips anew, from everything that was answered and analysed since.</source>
        <translation>Ricalcolare le clip, da tutto ciò che nel frattempo è stato risposto e analizzato.</translation>
    </message>
    <message>
        <source>Work the clips out anew</source>
        <translation>Ricalcolare le clip</translation>
    </message>
    <message>
        <source>Work the figures out anew</source>
        <translation>Ricalcolare gli indicatori</translation>
    </message>
    <message>
        <source>Working out the figures</source>
        <translation>Calcolo degli indicatori</translation>
    </message>
    <message>
        <source>Working out the result</source>
        <translation>Calcolo del risultato</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>Lista di lavoro</translation>
    </message>
    <message>
        <source>Worklist of the selection</source>
        <translation>Lista di lavoro della selezione</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>Scrivi</translation>
    </message>
    <message>
        <source>Write `polypwatch live camera:0`, or once `polypwatch settings --set source.spec=camera:0`.</source>
        <translation>Scrivere `polypwatch live camera:0`, o una volta `polypwatch settings --set source.spec=camera:0`.</translation>
    </message>
    <message>
        <source>Write a note</source>
        <translation>Scrivere una nota</translation>
    </message>
    <message>
        <source>Write a room file ...</source>
        <translation>Scrivi un file della sala ...</translation>
    </message>
    <message>
        <source>Write auto, off, top or bottom.</source>
        <translation>Scrivere auto, off, top o bottom.</translation>
    </message>
    <message>
        <source>Write camera:0, camera:/dev/video0, or a source that `polypwatch devices` lists.</source>
        <translation>Scrivere camera:0, camera:/dev/video0, o una sorgente elencata da `polypwatch devices`.</translation>
    </message>
    <message>
        <source>Write decklink:0 or decklink:0?mode=1080p50&amp;connection=sdi; cards are numbered from 0.</source>
        <translation>Scrivere decklink:0 o decklink:0?mode=1080p50&amp;connection=sdi; le schede sono numerate da 0.</translation>
    </message>
    <message>
        <source>Write full, auto, or X,Y,W,H such as 420,0,1080,1080.</source>
        <translation>Scrivere full, auto, o X,Y,W,H come 420,0,1080,1080.</translation>
    </message>
    <message>
        <source>Write it as 1920x1080.</source>
        <translation>Scriverlo come 1920x1080.</translation>
    </message>
    <message>
        <source>Write it as 2026-03-01T08:30:00+01:00.</source>
        <translation>Scriverla come 2026-03-01T08:30:00+01:00.</translation>
    </message>
    <message>
        <source>Write it as 4:3 or 16:9.</source>
        <translation>Scriverla come 4:3 o 16:9.</translation>
    </message>
    <message>
        <source>Write it as UYVY@1920x1080@50, or a part of that; pixel formats are {0}.</source>
        <translation>Scriverlo come UYVY@1920x1080@50, o una parte; i formati dei pixel sono {0}.</translation>
    </message>
    <message>
        <source>Write it as ai.sensitivity=low.</source>
        <translation>Scriverlo come ai.sensitivity=low.</translation>
    </message>
    <message>
        <source>Write it as for gst-launch-1.0 and without its sink, such as gst:v4l2src device=/dev/video0.</source>
        <translation>Scriverla come per gst-launch-1.0 e senza il sink, come gst:v4l2src device=/dev/video0.</translation>
    </message>
    <message>
        <source>Write the frames themselves where the format is of single frames</source>
        <translation>Scrivere anche i fotogrammi, se il formato è di fotogrammi singoli</translation>
    </message>
    <message>
        <source>Write the score beside a marker.</source>
        <translation>Scrivere il punteggio accanto a un marcatore.</translation>
    </message>
    <message>
        <source>Write the whole path of the folder.</source>
        <translation>Scrivere il percorso completo della cartella.</translation>
    </message>
    <message>
        <source>Write them as camera:0?format=MJPG@1920x1080@60 or as camera:0?size=1920x1080&amp;rate=60&amp;fourcc=MJPG.</source>
        <translation>Scriverle come camera:0?format=MJPG@1920x1080@60 o come camera:0?size=1920x1080&amp;rate=60&amp;fourcc=MJPG.</translation>
    </message>
    <message>
        <source>Write them as rtsp://NAME:PASSWORD@HOST/...</source>
        <translation>Scriverli come rtsp://NOME:PASSWORD@HOST/...</translation>
    </message>
    <message>
        <source>Write what it was taken for and is, as 601:709.</source>
        <translation>Scrivere per che cosa è stato preso e che cosa è, come 601:709.</translation>
    </message>
    <message>
        <source>Writes a file for `polypwatch-train import`: which videos, which published labels, under which terms. Nothing is copied. Without consent nothing is handed over.</source>
        <translation>Scrive un file per `polypwatch-train import`: quali video, quali annotazioni pubblicate, a quali condizioni. Nulla viene copiato. Senza consenso non si consegna nulla.</translation>
    </message>
    <message>
        <source>Writing the report</source>
        <translation>Scrittura del rapporto</translation>
    </message>
    <message>
        <source>Written: {path}</source>
        <translation>Scritto: {path}</translation>
    </message>
    <message>
        <source>YOLO has no lesion's identity, no visibility and no marginal boxes</source>
        <translation>YOLO non ha identità delle lesioni, visibilità e riquadri marginali</translation>
    </message>
    <message>
        <source>Yes, a polyp</source>
        <translation>Sì, un polipo</translation>
    </message>
    <message>
        <source>Yes: export nothing</source>
        <translation>Sì: non esportare</translation>
    </message>
    <message>
        <source>You review blinded. Commit your reviews first; open the room without --blinded for the figures.</source>
        <translation>La revisione è in cieco. Prima concludere le proprie revisioni; per gli indicatori aprire la sala senza --blinded.</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Nome</translation>
    </message>
    <message>
        <source>Your name stands in every review that you write, so that readers can be compared and each goes on where they stopped. It stays on this computer and in the folders of the recordings.</source>
        <translation>Il nome sta in ogni revisione che si scrive, così i lettori si possono confrontare e ognuno continua da dove ha smesso. Resta su questo computer e nelle cartelle delle registrazioni.</translation>
    </message>
    <message>
        <source>Your own value</source>
        <translation>Valore proprio</translation>
    </message>
    <message>
        <source>`--export` writes one.</source>
        <translation>`--export` ne scrive uno.</translation>
    </message>
    <message>
        <source>`polypwatch live --help` says what can be written.</source>
        <translation>`polypwatch live --help` dice che cosa si può scrivere.</translation>
    </message>
    <message>
        <source>`polypwatch models` lists the installed models.</source>
        <translation>`polypwatch models` elenca i modelli installati.</translation>
    </message>
    <message>
        <source>`polypwatch settings --describe` lists all of them.</source>
        <translation>`polypwatch settings --describe` le elenca tutte.</translation>
    </message>
    <message>
        <source>a frame is (H, W, 3) uint8, not {0} {1}</source>
        <translation>un fotogramma è (H, W, 3) uint8, non {0} {1}</translation>
    </message>
    <message>
        <source>a live window is open on this computer</source>
        <translation>su questo computer è aperta una finestra dal vivo</translation>
    </message>
    <message>
        <source>a minute</source>
        <translation>al minuto</translation>
    </message>
    <message>
        <source>a model was wrong in none of their reviewed frames</source>
        <translation>in nessuno dei loro fotogrammi rivisti un modello ha sbagliato</translation>
    </message>
    <message>
        <source>a packet could not be decoded</source>
        <translation>un pacchetto non è stato decodificato</translation>
    </message>
    <message>
        <source>a packet gave no picture</source>
        <translation>un pacchetto non ha dato un'immagine</translation>
    </message>
    <message>
        <source>a part of the recording is missing: internal error {0}</source>
        <translation>manca una parte della registrazione: errore interno {0}</translation>
    </message>
    <message>
        <source>a picture is damaged</source>
        <translation>un'immagine è danneggiata</translation>
    </message>
    <message>
        <source>a picture of an unexpected size</source>
        <translation>un'immagine di dimensioni inattese</translation>
    </message>
    <message>
        <source>a picture of one line has no fields</source>
        <translation>un'immagine di una sola riga non ha campi</translation>
    </message>
    <message>
        <source>a procedure</source>
        <translation>una procedura</translation>
    </message>
    <message>
        <source>a program</source>
        <translation>un programma</translation>
    </message>
    <message>
        <source>a property has a value that its element does not take</source>
        <translation>una proprietà ha un valore che il suo elemento non accetta</translation>
    </message>
    <message>
        <source>a reflection or blur</source>
        <translation>un riflesso o sfocatura</translation>
    </message>
    <message>
        <source>a rotated box</source>
        <translation>un riquadro ruotato</translation>
    </message>
    <message>
        <source>a scar</source>
        <translation>una cicatrice</translation>
    </message>
    <message>
        <source>about a minute left</source>
        <translation>resta circa un minuto</translation>
    </message>
    <message>
        <source>about {hours} h {minutes} min left</source>
        <translation>restano circa {hours} h {minutes} min</translation>
    </message>
    <message>
        <source>about {minutes} minutes left</source>
        <translation>restano circa {minutes} minuti</translation>
    </message>
    <message>
        <source>about {n} min left</source>
        <translation>restano circa {n} min</translation>
    </message>
    <message>
        <source>adenoma</source>
        <translation>adenoma</translation>
    </message>
    <message>
        <source>all {count} procedures of the library</source>
        <translation>tutte le {count} procedure dell'archivio</translation>
    </message>
    <message>
        <source>an even {0} pictures/s was written; the source's times differ by at most {1} ms</source>
        <translation>sono scritte {0} immagini/s regolari; i tempi della sorgente differiscono al massimo di {1} ms</translation>
    </message>
    <message>
        <source>an instrument</source>
        <translation>uno strumento</translation>
    </message>
    <message>
        <source>an intervention is running already.</source>
        <translation>un intervento è già in corso.</translation>
    </message>
    <message>
        <source>an uneven rate: times are exact to 1/90000 s in the video, to {0} ms in the Frame Time Vector</source>
        <translation>una cadenza irregolare: i tempi sono esatti a 1/90000 s nel video, a {0} ms nel Frame Time Vector</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>e altri {count}</translation>
    </message>
    <message>
        <source>and {n} more</source>
        <translation>e altri {n}</translation>
    </message>
    <message>
        <source>another program</source>
        <translation>un altro programma</translation>
    </message>
    <message>
        <source>another program holds it</source>
        <translation>lo tiene un altro programma</translation>
    </message>
    <message>
        <source>another program uses it</source>
        <translation>lo usa un altro programma</translation>
    </message>
    <message>
        <source>another recording goes there</source>
        <translation>lì scrive un'altra registrazione</translation>
    </message>
    <message>
        <source>as the device sends</source>
        <translation>come invia il dispositivo</translation>
    </message>
    <message>
        <source>ascending colon</source>
        <translation>colon ascendente</translation>
    </message>
    <message>
        <source>ask for the rate that the processor sends if it is another</source>
        <translation>se il processore invia un'altra cadenza, richiedere quella</translation>
    </message>
    <message>
        <source>attributes and reviewed ranges</source>
        <translation>attributi e tratti rivisti</translation>
    </message>
    <message>
        <source>begun blinded, committed</source>
        <translation>iniziata in cieco, conclusa</translation>
    </message>
    <message>
        <source>behind</source>
        <translation>in ritardo</translation>
    </message>
    <message>
        <source>being looked for</source>
        <translation>si sta cercando</translation>
    </message>
    <message>
        <source>better</source>
        <translation>migliore</translation>
    </message>
    <message>
        <source>blurred</source>
        <translation>sfocata</translation>
    </message>
    <message>
        <source>box of {0} where no lesion is</source>
        <translation>riquadro di {0} dove non c'è una lesione</translation>
    </message>
    <message>
        <source>boxes</source>
        <translation>riquadri</translation>
    </message>
    <message>
        <source>boxes are cleared</source>
        <translation>riquadri tolti</translation>
    </message>
    <message>
        <source>boxes are hidden</source>
        <translation>riquadri nascosti</translation>
    </message>
    <message>
        <source>boxes for 2 s in frames without a lesion</source>
        <translation>riquadri per 2 s in fotogrammi senza lesioni</translation>
    </message>
    <message>
        <source>boxes of all classes were taken as polyps: {0}</source>
        <translation>i riquadri di tutte le classi sono presi come polipi: {0}</translation>
    </message>
    <message>
        <source>caecum</source>
        <translation>cieco</translation>
    </message>
    <message>
        <source>camera {0}</source>
        <translation>telecamera {0}</translation>
    </message>
    <message>
        <source>camera:{0} names no camera.</source>
        <translation>camera:{0} non indica nessuna telecamera.</translation>
    </message>
    <message>
        <source>cannot be opened</source>
        <translation>non si apre</translation>
    </message>
    <message>
        <source>cannot be read: {0}</source>
        <translation>non si può leggere: {0}</translation>
    </message>
    <message>
        <source>cannot write into {0}: {1}. Choose another folder.</source>
        <translation>non si può scrivere in {0}: {1}. Scegliere un'altra cartella.</translation>
    </message>
    <message>
        <source>carcinoma</source>
        <translation>carcinoma</translation>
    </message>
    <message>
        <source>clear</source>
        <translation>nitida</translation>
    </message>
    <message>
        <source>closed too soon</source>
        <translation>chiusa troppo presto</translation>
    </message>
    <message>
        <source>command line</source>
        <translation>riga di comando</translation>
    </message>
    <message>
        <source>committed</source>
        <translation>conclusa</translation>
    </message>
    <message>
        <source>coordinates were taken to count from 1, as the format's own rules say</source>
        <translation>le coordinate si intendono contate da 1, come dicono le regole del formato</translation>
    </message>
    <message>
        <source>could not be found</source>
        <translation>non è stata trovata</translation>
    </message>
    <message>
        <source>crashed with 0x{0}</source>
        <translation>si è arrestata con 0x{0}</translation>
    </message>
    <message>
        <source>crashed with an error that nobody expected</source>
        <translation>si è arrestata con un errore inatteso</translation>
    </message>
    <message>
        <source>damaged frames</source>
        <translation>fotogrammi danneggiati</translation>
    </message>
    <message>
        <source>damaged or cut off PNG</source>
        <translation>PNG danneggiato o troncato</translation>
    </message>
    <message>
        <source>damaged, cut off or no image</source>
        <translation>danneggiato, troncato o non è un'immagine</translation>
    </message>
    <message>
        <source>dark</source>
        <translation>buia</translation>
    </message>
    <message>
        <source>dates were shifted by whole days: the time of day is the true one</source>
        <translation>le date sono spostate di giorni interi: l'ora è quella vera</translation>
    </message>
    <message>
        <source>default</source>
        <translation>predefinito</translation>
    </message>
    <message>
        <source>descending colon</source>
        <translation>colon discendente</translation>
    </message>
    <message>
        <source>device vanished</source>
        <translation>dispositivo scomparso</translation>
    </message>
    <message>
        <source>did not close in time</source>
        <translation>non si è chiusa in tempo</translation>
    </message>
    <message>
        <source>did not come up within {0} s</source>
        <translation>non è partita entro {0} s</translation>
    </message>
    <message>
        <source>disk not writable</source>
        <translation>disco non scrivibile</translation>
    </message>
    <message>
        <source>disk {n} h</source>
        <translation>disco {n} h</translation>
    </message>
    <message>
        <source>displayed markers</source>
        <translation>marcatori mostrati</translation>
    </message>
    <message>
        <source>does not hold an image</source>
        <translation>non contiene un'immagine</translation>
    </message>
    <message>
        <source>done</source>
        <translation>finita</translation>
    </message>
    <message>
        <source>drawn by you</source>
        <translation>disegnato da sé</translation>
    </message>
    <message>
        <source>empty file (0 bytes)</source>
        <translation>file vuoto (0 byte)</translation>
    </message>
    <message>
        <source>encoder failed</source>
        <translation>codificatore guasto</translation>
    </message>
    <message>
        <source>encoder or disk too slow</source>
        <translation>codificatore o disco troppo lento</translation>
    </message>
    <message>
        <source>ended</source>
        <translation>finito</translation>
    </message>
    <message>
        <source>ended early: {0}</source>
        <translation>finito prima: {0}</translation>
    </message>
    <message>
        <source>endoscopist: {0}</source>
        <translation>endoscopista: {0}</translation>
    </message>
    <message>
        <source>event {0} ({1}) is what the program did: it cannot be withdrawn.</source>
        <translation>l'evento {0} ({1}) è opera del programma: non si può annullare.</translation>
    </message>
    <message>
        <source>exact, 1 procedure</source>
        <translation>esatto, 1 procedura</translation>
    </message>
    <message>
        <source>exact, {0} procedures</source>
        <translation>esatto, {0} procedure</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>guasta</translation>
    </message>
    <message>
        <source>false alarms per procedure</source>
        <translation>falsi allarmi per procedura</translation>
    </message>
    <message>
        <source>false alarms unknown</source>
        <translation>falsi allarmi ignoti</translation>
    </message>
    <message>
        <source>false boxes per frame without a lesion</source>
        <translation>riquadri falsi per fotogramma senza lesioni</translation>
    </message>
    <message>
        <source>false marker for {0} s, score up to {1}</source>
        <translation>marcatore falso per {0} s, punteggio fino a {1}</translation>
    </message>
    <message>
        <source>false positives of 2 s per minute without lesion</source>
        <translation>falsi positivi di 2 s per minuto senza lesioni</translation>
    </message>
    <message>
        <source>false positives of 2 s per procedure</source>
        <translation>falsi positivi di 2 s per procedura</translation>
    </message>
    <message>
        <source>false-positive events &gt;= {0} s{1}</source>
        <translation>eventi falsi positivi &gt;= {0} s{1}</translation>
    </message>
    <message>
        <source>field '{0}': {1}</source>
        <translation>campo '{0}': {1}</translation>
    </message>
    <message>
        <source>file date</source>
        <translation>data del file</translation>
    </message>
    <message>
        <source>first output, as always</source>
        <translation>prima uscita, come sempre</translation>
    </message>
    <message>
        <source>flat (0-II, 0-III)</source>
        <translation>piatta (0-II, 0-III)</translation>
    </message>
    <message>
        <source>for {time}</source>
        <translation>da {time}</translation>
    </message>
    <message>
        <source>found; please confirm</source>
        <translation>trovata; confermare, prego</translation>
    </message>
    <message>
        <source>frame sensitivity, IoU 0.2</source>
        <translation>sensibilità per fotogramma, IoU 0,2</translation>
    </message>
    <message>
        <source>frame specificity, any box</source>
        <translation>specificità per fotogramma, qualsiasi riquadro</translation>
    </message>
    <message>
        <source>frames of one size are compared, not {0} and {1}</source>
        <translation>si confrontano fotogrammi della stessa dimensione, non {0} e {1}</translation>
    </message>
    <message>
        <source>frames to first detection, median</source>
        <translation>fotogrammi alla prima segnalazione, mediana</translation>
    </message>
    <message>
        <source>free</source>
        <translation>libero</translation>
    </message>
    <message>
        <source>from</source>
        <translation>dal</translation>
    </message>
    <message>
        <source>full, auto or X,Y,W,H: what is shown, analysed and recorded.</source>
        <translation>full, auto o X,Y,W,H: ciò che è mostrato, analizzato e registrato.</translation>
    </message>
    <message>
        <source>getting ready for pictures of this size</source>
        <translation>preparazione per immagini di questa dimensione</translation>
    </message>
    <message>
        <source>given at the start: it goes before what is set here</source>
        <translation>indicato all'avvio: prevale su ciò che è impostato qui</translation>
    </message>
    <message>
        <source>gst:{0} names no pipeline.</source>
        <translation>gst:{0} non indica nessuna pipeline.</translation>
    </message>
    <message>
        <source>handing over</source>
        <translation>consegna</translation>
    </message>
    <message>
        <source>hepatic flexure</source>
        <translation>flessura epatica</translation>
    </message>
    <message>
        <source>hidden</source>
        <translation>nascosto</translation>
    </message>
    <message>
        <source>holds no image</source>
        <translation>non contiene immagini</translation>
    </message>
    <message>
        <source>hung for {0} s</source>
        <translation>è rimasta bloccata per {0} s</translation>
    </message>
    <message>
        <source>hyperplastic</source>
        <translation>iperplastico</translation>
    </message>
    <message>
        <source>inflammatory</source>
        <translation>infiammatorio</translation>
    </message>
    <message>
        <source>interlaced, bottom field first</source>
        <translation>interlacciato, prima il campo inferiore</translation>
    </message>
    <message>
        <source>interlaced, top field first</source>
        <translation>interlacciato, prima il campo superiore</translation>
    </message>
    <message>
        <source>internal error {0}</source>
        <translation>errore interno {0}</translation>
    </message>
    <message>
        <source>internal error: {0}</source>
        <translation>errore interno: {0}</translation>
    </message>
    <message>
        <source>intervention</source>
        <translation>intervento</translation>
    </message>
    <message>
        <source>intervention: clock waits</source>
        <translation>intervento: orologio fermo</translation>
    </message>
    <message>
        <source>is damaged</source>
        <translation>è danneggiata</translation>
    </message>
    <message>
        <source>is missing</source>
        <translation>manca</translation>
    </message>
    <message>
        <source>it cannot be given for both</source>
        <translation>non si può dare per entrambi</translation>
    </message>
    <message>
        <source>it cannot be opened</source>
        <translation>non si apre</translation>
    </message>
    <message>
        <source>it does not answer</source>
        <translation>non risponde</translation>
    </message>
    <message>
        <source>it ended with status {0}</source>
        <translation>è finito con stato {0}</translation>
    </message>
    <message>
        <source>it follows a damaged picture</source>
        <translation>segue un'immagine danneggiata</translation>
    </message>
    <message>
        <source>it follows a picture that is missing</source>
        <translation>segue un'immagine mancante</translation>
    </message>
    <message>
        <source>it found no lesion</source>
        <translation>non ha trovato lesioni</translation>
    </message>
    <message>
        <source>it gave nothing</source>
        <translation>non ha dato nulla</translation>
    </message>
    <message>
        <source>it has changed since it was looked at</source>
        <translation>è cambiato da quando è stato esaminato</translation>
    </message>
    <message>
        <source>it holds no video</source>
        <translation>non contiene un video</translation>
    </message>
    <message>
        <source>it is being recorded into</source>
        <translation>vi si sta registrando</translation>
    </message>
    <message>
        <source>it is no longer there</source>
        <translation>non c'è più</translation>
    </message>
    <message>
        <source>it is no pixel format, size or rate</source>
        <translation>non è né un formato di pixel, né una dimensione, né una cadenza</translation>
    </message>
    <message>
        <source>it is no video device</source>
        <translation>non è un dispositivo video</translation>
    </message>
    <message>
        <source>it is open in {0}</source>
        <translation>è aperto in {0}</translation>
    </message>
    <message>
        <source>it leaves the picture</source>
        <translation>esce dall'immagine</translation>
    </message>
    <message>
        <source>it lists no formats</source>
        <translation>non elenca formati</translation>
    </message>
    <message>
        <source>it names two: {0} and {1}</source>
        <translation>ne indica due: {0} e {1}</translation>
    </message>
    <message>
        <source>it no longer looks the same</source>
        <translation>non ha più lo stesso aspetto</translation>
    </message>
    <message>
        <source>it offers nothing uncompressed at this size</source>
        <translation>a questa dimensione non offre nulla di non compresso</translation>
    </message>
    <message>
        <source>it was ended by signal {0}</source>
        <translation>è stato terminato dal segnale {0}</translation>
    </message>
    <message>
        <source>it was ended by {0}</source>
        <translation>è stato terminato da {0}</translation>
    </message>
    <message>
        <source>it was made of {0} videos, and there are {1}</source>
        <translation>era fatta di {0} video, e ce ne sono {1}</translation>
    </message>
    <message>
        <source>it was not begun.</source>
        <translation>non è stata iniziata.</translation>
    </message>
    <message>
        <source>it was stopped</source>
        <translation>è stata fermata</translation>
    </message>
    <message>
        <source>its answers came too late to be shown</source>
        <translation>le risposte sono arrivate troppo tardi per essere mostrate</translation>
    </message>
    <message>
        <source>its colours are not put right in it</source>
        <translation>i suoi colori non vi sono corretti</translation>
    </message>
    <message>
        <source>its edges did not stay the same</source>
        <translation>i suoi bordi non sono rimasti uguali</translation>
    </message>
    <message>
        <source>its formats cannot be listed: {0}</source>
        <translation>i suoi formati non si possono elencare: {0}</translation>
    </message>
    <message>
        <source>its parts move in different ways</source>
        <translation>le sue parti si muovono in modi diversi</translation>
    </message>
    <message>
        <source>its pixels are not made square in it</source>
        <translation>i suoi pixel non vi diventano quadrati</translation>
    </message>
    <message>
        <source>labels lie beside these videos that this review did not begin from: publishing it puts them aside</source>
        <translation>accanto a questi video ci sono annotazioni da cui questa revisione non è partita: pubblicandola vengono messe da parte</translation>
    </message>
    <message>
        <source>labels: {share} %</source>
        <translation>annotazioni: {share} %</translation>
    </message>
    <message>
        <source>last 30 days</source>
        <translation>ultimi 30 giorni</translation>
    </message>
    <message>
        <source>last 7 days</source>
        <translation>ultimi 7 giorni</translation>
    </message>
    <message>
        <source>last alert</source>
        <translation>ultima segnalazione</translation>
    </message>
    <message>
        <source>last year</source>
        <translation>ultimo anno</translation>
    </message>
    <message>
        <source>lesion sensitivity, IoU 0.2</source>
        <translation>sensibilità per lesione, IoU 0,2</translation>
    </message>
    <message>
        <source>lesion sensitivity, IoU 0.5</source>
        <translation>sensibilità per lesione, IoU 0,5</translation>
    </message>
    <message>
        <source>lesion sensitivity, hit for 2 s within the first 3 s</source>
        <translation>sensibilità per lesione, colpita per 2 s nei primi 3 s</translation>
    </message>
    <message>
        <source>lesion {0} was found after {1} s, and in {2} of {3} frames</source>
        <translation>lesione {0}: rilevata dopo {1} s, e in {2} fotogrammi su {3}</translation>
    </message>
    <message>
        <source>lesion {0} was found already.</source>
        <translation>la lesione {0} era già trovata.</translation>
    </message>
    <message>
        <source>lesion {0} was hit for 2 s within its first 3 s</source>
        <translation>lesione {0}: colpita per 2 s nei suoi primi 3 s</translation>
    </message>
    <message>
        <source>lesion {0} was never found, in {1} frames</source>
        <translation>lesione {0}: mai rilevata, in {1} fotogrammi</translation>
    </message>
    <message>
        <source>lesion {0} was not found in {1} frames</source>
        <translation>lesione {0}: non rilevata in {1} fotogrammi</translation>
    </message>
    <message>
        <source>lesion {0} was not hit for 2 s within its first 3 s</source>
        <translation>lesione {0}: non colpita per 2 s nei suoi primi 3 s</translation>
    </message>
    <message>
        <source>lesions found</source>
        <translation>lesioni rilevate</translation>
    </message>
    <message>
        <source>lesions' identity, marginal boxes (their frames are left out), visibility, attributes, reviewed ranges, and frames that were not exported</source>
        <translation>identità delle lesioni, riquadri marginali (i loro fotogrammi sono omessi), visibilità, attributi, tratti rivisti e fotogrammi non esportati</translation>
    </message>
    <message>
        <source>lesions, raw boxes</source>
        <translation>lesioni, riquadri grezzi</translation>
    </message>
    <message>
        <source>lesions: {n}</source>
        <translation>lesioni: {n}</translation>
    </message>
    <message>
        <source>less than a minute left</source>
        <translation>resta meno di un minuto</translation>
    </message>
    <message>
        <source>line {0} does not follow from line {1}: one of them was changed, removed or put in</source>
        <translation>la riga {0} non segue dalla riga {1}: una delle due è stata modificata, tolta o inserita</translation>
    </message>
    <message>
        <source>line {0} holds operation {1} where {2} should be: lines are missing or came twice</source>
        <translation>la riga {0} contiene l'operazione {1} dove dovrebbe esserci {2}: mancano righe o sono doppie</translation>
    </message>
    <message>
        <source>line {0} is damaged.</source>
        <translation>la riga {0} è danneggiata.</translation>
    </message>
    <message>
        <source>line {0} was changed after it was written</source>
        <translation>la riga {0} è stata modificata dopo la scrittura</translation>
    </message>
    <message>
        <source>live, second model</source>
        <translation>dal vivo, secondo modello</translation>
    </message>
    <message>
        <source>live, unseen</source>
        <translation>dal vivo, non mostrato</translation>
    </message>
    <message>
        <source>loading the model</source>
        <translation>caricamento del modello</translation>
    </message>
    <message>
        <source>loading the model and reading the video</source>
        <translation>caricamento del modello e lettura del video</translation>
    </message>
    <message>
        <source>looking through</source>
        <translation>esame dei file</translation>
    </message>
    <message>
        <source>looking through the folders: {n}</source>
        <translation>esame delle cartelle: {n}</translation>
    </message>
    <message>
        <source>marginal</source>
        <translation>marginale</translation>
    </message>
    <message>
        <source>marker on a lesion for {0} s, score up to {1}</source>
        <translation>marcatore su una lesione per {0} s, punteggio fino a {1}</translation>
    </message>
    <message>
        <source>missing from the file</source>
        <translation>manca nel file</translation>
    </message>
    <message>
        <source>names of folders and videos are in it; for another hospital export a de-identified copy</source>
        <translation>contiene nomi di cartelle e video; per un altro ospedale esportare una copia de-identificata</translation>
    </message>
    <message>
        <source>new</source>
        <translation>nuova</translation>
    </message>
    <message>
        <source>no alert yet</source>
        <translation>ancora nessuna segnalazione</translation>
    </message>
    <message>
        <source>no folder: nothing is recorded</source>
        <translation>nessuna cartella: non si registra nulla</translation>
    </message>
    <message>
        <source>no intervention is running.</source>
        <translation>nessun intervento in corso.</translation>
    </message>
    <message>
        <source>no key</source>
        <translation>nessun tasto</translation>
    </message>
    <message>
        <source>no lesion is marked in what was reviewed, or none was found</source>
        <translation>in ciò che è stato rivisto nessuna lesione è segnata, o nessuna è stata rilevata</translation>
    </message>
    <message>
        <source>no new picture</source>
        <translation>nessuna nuova immagine</translation>
    </message>
    <message>
        <source>no overlay</source>
        <translation>nessun riquadro</translation>
    </message>
    <message>
        <source>no picture</source>
        <translation>nessuna immagine</translation>
    </message>
    <message>
        <source>no picture for {0} s</source>
        <translation>nessuna immagine da {0} s</translation>
    </message>
    <message>
        <source>no polyps are marked</source>
        <translation>i polipi non sono segnalati</translation>
    </message>
    <message>
        <source>no polyps are marked yet</source>
        <translation>i polipi non sono ancora segnalati</translation>
    </message>
    <message>
        <source>no result for {0} s</source>
        <translation>nessun risultato da {0} s</translation>
    </message>
    <message>
        <source>no result yet</source>
        <translation>ancora nessun risultato</translation>
    </message>
    <message>
        <source>no reviewed frame is without a lesion</source>
        <translation>nessun fotogramma rivisto è senza lesioni</translation>
    </message>
    <message>
        <source>no signal at its input</source>
        <translation>nessun segnale all'ingresso</translation>
    </message>
    <message>
        <source>no signal at its input {0}</source>
        <translation>nessun segnale all'ingresso {0}</translation>
    </message>
    <message>
        <source>no signal at the card's input</source>
        <translation>nessun segnale all'ingresso della scheda</translation>
    </message>
    <message>
        <source>no sound device</source>
        <translation>nessun dispositivo audio</translation>
    </message>
    <message>
        <source>no sound file</source>
        <translation>nessun file audio</translation>
    </message>
    <message>
        <source>no time is reviewed</source>
        <translation>nessun tempo è rivisto</translation>
    </message>
    <message>
        <source>no video</source>
        <translation>nessun video</translation>
    </message>
    <message>
        <source>nobody has looked whether text stands in the pictures themselves: look through the copy</source>
        <translation>nessuno ha guardato se nelle immagini stesse c'è del testo: guardare tutta la copia</translation>
    </message>
    <message>
        <source>nobody reviewed anything of {0} procedures, which do not count: {1}</source>
        <translation>procedure di cui nessuno ha rivisto nulla, e che non contano: {0} ({1})</translation>
    </message>
    <message>
        <source>none</source>
        <translation>nessuno</translation>
    </message>
    <message>
        <source>none is labelled and reviewed</source>
        <translation>nessuna è annotata e rivista</translation>
    </message>
    <message>
        <source>normal mucosa</source>
        <translation>mucosa normale</translation>
    </message>
    <message>
        <source>normal wall</source>
        <translation>parete normale</translation>
    </message>
    <message>
        <source>not analysed</source>
        <translation>non analizzate</translation>
    </message>
    <message>
        <source>not complete</source>
        <translation>non completo</translation>
    </message>
    <message>
        <source>not described yet</source>
        <translation>non ancora descritta</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>non misurato</translation>
    </message>
    <message>
        <source>not open</source>
        <translation>non aperta</translation>
    </message>
    <message>
        <source>not ready after {0} s</source>
        <translation>non pronta dopo {0} s</translation>
    </message>
    <message>
        <source>not ready for this size after {0} s</source>
        <translation>non pronta per questa dimensione dopo {0} s</translation>
    </message>
    <message>
        <source>not retrieved</source>
        <translation>non recuperato</translation>
    </message>
    <message>
        <source>not said</source>
        <translation>non indicato</translation>
    </message>
    <message>
        <source>not worse</source>
        <translation>non peggiore</translation>
    </message>
    <message>
        <source>nothing answers behind this node</source>
        <translation>dietro questo nodo non risponde nulla</translation>
    </message>
    <message>
        <source>nothing described yet</source>
        <translation>ancora nessuna descrizione</translation>
    </message>
    <message>
        <source>nothing faster fits through {0}</source>
        <translation>nulla di più veloce passa da {0}</translation>
    </message>
    <message>
        <source>nothing faster is offered</source>
        <translation>nulla di più veloce è offerto</translation>
    </message>
    <message>
        <source>nothing in it changes steadily</source>
        <translation>nulla vi cambia in modo costante</translation>
    </message>
    <message>
        <source>nothing in it moved</source>
        <translation>nulla vi si è mosso</translation>
    </message>
    <message>
        <source>nothing left</source>
        <translation>non resta nulla</translation>
    </message>
    <message>
        <source>nothing received for {0} s</source>
        <translation>nulla ricevuto da {0} s</translation>
    </message>
    <message>
        <source>occluded</source>
        <translation>coperta</translation>
    </message>
    <message>
        <source>of the journal something could not be read and is left out ({0} places)</source>
        <translation>del registro qualcosa non si è potuto leggere ed è omesso ({0} punti)</translation>
    </message>
    <message>
        <source>of {0} procedures nobody said whose they are: a split keeps each together, but not each patient</source>
        <translation>di {0} procedure nessuno ha detto di chi sono: una suddivisione tiene insieme ciascuna, ma non ciascun paziente</translation>
    </message>
    <message>
        <source>off</source>
        <translation>spenta</translation>
    </message>
    <message>
        <source>opening</source>
        <translation>apertura</translation>
    </message>
    <message>
        <source>other</source>
        <translation>altro</translation>
    </message>
    <message>
        <source>out of the body</source>
        <translation>fuori dal corpo</translation>
    </message>
    <message>
        <source>out of view</source>
        <translation>fuori campo</translation>
    </message>
    <message>
        <source>overlay expired</source>
        <translation>riquadri scaduti</translation>
    </message>
    <message>
        <source>overlay {n} ms</source>
        <translation>riquadri {n} ms</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>in pausa</translation>
    </message>
    <message>
        <source>paused: the first model fell behind, this computer does not hold both</source>
        <translation>in pausa: il primo modello è rimasto indietro, questo computer non regge entrambi</translation>
    </message>
    <message>
        <source>pictures from outside the body cannot be blanked in it</source>
        <translation>le immagini fuori dal corpo non vi si possono oscurare</translation>
    </message>
    <message>
        <source>pixel format as asked for</source>
        <translation>formato dei pixel come richiesto</translation>
    </message>
    <message>
        <source>pixels that are not square ({0}): scaled to {1} x {2}, as DICOM asks</source>
        <translation>pixel non quadrati ({0}): portati a {1} x {2}, come chiede DICOM</translation>
    </message>
    <message>
        <source>pixels were taken to count from 0, as label tools write them (the challenge's own files count from 1)</source>
        <translation>i pixel si intendono contati da 0, come li scrivono i programmi di annotazione (i file della sfida contano da 1)</translation>
    </message>
    <message>
        <source>places in the file cannot be read; what was there is missing</source>
        <translation>punti del file non si possono leggere; ciò che c'era manca</translation>
    </message>
    <message>
        <source>playing</source>
        <translation>in corso</translation>
    </message>
    <message>
        <source>polyp {0}</source>
        <translation>polipo {0}</translation>
    </message>
    <message>
        <source>poor views, light and freezing are not noticed</source>
        <translation>visione scarsa, luce e blocchi non vengono notati</translation>
    </message>
    <message>
        <source>press {key} to insist</source>
        <translation>premere {key} per insistere</translation>
    </message>
    <message>
        <source>protruding (0-I)</source>
        <translation>protrudente (0-I)</translation>
    </message>
    <message>
        <source>published labels, de-identified</source>
        <translation>annotazioni pubblicate, de-identificate</translation>
    </message>
    <message>
        <source>rate unknown</source>
        <translation>cadenza ignota</translation>
    </message>
    <message>
        <source>rates unknown</source>
        <translation>cadenze ignote</translation>
    </message>
    <message>
        <source>reading failed: {0}</source>
        <translation>lettura fallita: {0}</translation>
    </message>
    <message>
        <source>rectum</source>
        <translation>retto</translation>
    </message>
    <message>
        <source>redo</source>
        <translation>ripetere</translation>
    </message>
    <message>
        <source>restarting</source>
        <translation>si riavvia</translation>
    </message>
    <message>
        <source>result {n} ms old</source>
        <translation>risultato di {n} ms fa</translation>
    </message>
    <message>
        <source>results are older than {0} ms</source>
        <translation>i risultati hanno più di {0} ms</translation>
    </message>
    <message>
        <source>results of the AI are missing in the recording: the disk does not answer</source>
        <translation>nella registrazione mancano risultati dell'IA: il disco non risponde</translation>
    </message>
    <message>
        <source>results that are not whole, or of another video, were left out</source>
        <translation>risultati non interi, o di un altro video, sono omessi</translation>
    </message>
    <message>
        <source>reviewed minutes</source>
        <translation>minuti rivisti</translation>
    </message>
    <message>
        <source>reviewed ranges</source>
        <translation>tratti rivisti</translation>
    </message>
    <message>
        <source>reviewed ranges, and frames that were not exported</source>
        <translation>tratti rivisti e fotogrammi non esportati</translation>
    </message>
    <message>
        <source>running</source>
        <translation>in corso</translation>
    </message>
    <message>
        <source>second output (SDI, HDMI, DVI)</source>
        <translation>seconda uscita (SDI, HDMI, DVI)</translation>
    </message>
    <message>
        <source>seconds are nominal: single pictures have no time ({0})</source>
        <translation>i secondi sono nominali: le immagini singole non hanno tempo ({0})</translation>
    </message>
    <message>
        <source>seconds to first detection, median</source>
        <translation>secondi alla prima segnalazione, mediana</translation>
    </message>
    <message>
        <source>sessile serrated lesion</source>
        <translation>lesione serrata sessile</translation>
    </message>
    <message>
        <source>set by hand</source>
        <translation>impostata a mano</translation>
    </message>
    <message>
        <source>set for this room</source>
        <translation>impostato per questa sala</translation>
    </message>
    <message>
        <source>set here</source>
        <translation>impostato qui</translation>
    </message>
    <message>
        <source>settled</source>
        <translation>risolta</translation>
    </message>
    <message>
        <source>settled, or yours</source>
        <translation>risolta, o propria</translation>
    </message>
    <message>
        <source>share of a lesion's frames hit, IoU 0.2</source>
        <translation>quota dei fotogrammi di una lesione colpiti, IoU 0,2</translation>
    </message>
    <message>
        <source>share of the time with a false marker</source>
        <translation>quota del tempo con un marcatore falso</translation>
    </message>
    <message>
        <source>sigmoid colon</source>
        <translation>sigma</translation>
    </message>
    <message>
        <source>signal lost</source>
        <translation>segnale perso</translation>
    </message>
    <message>
        <source>since {day}</source>
        <translation>dal {day}</translation>
    </message>
    <message>
        <source>size?</source>
        <translation>mm?</translation>
    </message>
    <message>
        <source>snapshots, reports, DICOM files and review logs were left out; published labels were taken</source>
        <translation>fotografie, referti, file DICOM e registri delle revisioni sono omessi; le annotazioni pubblicate sono incluse</translation>
    </message>
    <message>
        <source>sound was left out: voices are names</source>
        <translation>il suono è omesso: le voci sono nomi</translation>
    </message>
    <message>
        <source>splenic flexure</source>
        <translation>flessura splenica</translation>
    </message>
    <message>
        <source>spool full</source>
        <translation>coda piena</translation>
    </message>
    <message>
        <source>stalled</source>
        <translation>bloccata</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>si avvia</translation>
    </message>
    <message>
        <source>status {0}</source>
        <translation>stato {0}</translation>
    </message>
    <message>
        <source>stool or bubbles</source>
        <translation>feci o bolle</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>fermata</translation>
    </message>
    <message>
        <source>stream damaged</source>
        <translation>flusso danneggiato</translation>
    </message>
    <message>
        <source>synchronised mode ended: AI too slow</source>
        <translation>modalità sincronizzata terminata: IA troppo lenta</translation>
    </message>
    <message>
        <source>takes effect at the next start</source>
        <translation>vale dal prossimo avvio</translation>
    </message>
    <message>
        <source>takes effect now</source>
        <translation>vale subito</translation>
    </message>
    <message>
        <source>terminal ileum</source>
        <translation>ileo terminale</translation>
    </message>
    <message>
        <source>the AI is recorded only</source>
        <translation>l'IA viene solo registrata</translation>
    </message>
    <message>
        <source>the AI process ended with status {0}</source>
        <translation>il processo dell'IA è finito con stato {0}</translation>
    </message>
    <message>
        <source>the AI process hung up</source>
        <translation>il processo dell'IA ha chiuso il collegamento</translation>
    </message>
    <message>
        <source>the AI process was killed by signal {0}</source>
        <translation>il processo dell'IA è stato terminato dal segnale {0}</translation>
    </message>
    <message>
        <source>the AI process was killed by {0}</source>
        <translation>il processo dell'IA è stato terminato da {0}</translation>
    </message>
    <message>
        <source>the action '{0}' must have a key</source>
        <translation>l'azione '{0}' deve avere un tasto</translation>
    </message>
    <message>
        <source>the caecum was reached already; withdraw the earlier mark if it was wrong.</source>
        <translation>il cieco era già raggiunto; annullare il segno precedente se era sbagliato.</translation>
    </message>
    <message>
        <source>the container promises {0} frames, {1} came</source>
        <translation>il contenitore promette {0} fotogrammi, ne sono arrivati {1}</translation>
    </message>
    <message>
        <source>the container promises {0} s, {1} s came</source>
        <translation>il contenitore promette {0} s, ne sono arrivati {1}</translation>
    </message>
    <message>
        <source>the crop that was found is {0},{1},{2},{3}: look at it</source>
        <translation>il ritaglio trovato è {0},{1},{2},{3}: controllarlo</translation>
    </message>
    <message>
        <source>the decoder reports damage</source>
        <translation>il decodificatore segnala danni</translation>
    </message>
    <message>
        <source>the detector answered for frame {0}, asked for {1}</source>
        <translation>il rilevatore ha risposto per il fotogramma {0}, richiesto {1}</translation>
    </message>
    <message>
        <source>the device ended: unplugged?</source>
        <translation>il dispositivo ha smesso: scollegato?</translation>
    </message>
    <message>
        <source>the device sends no picture</source>
        <translation>il dispositivo non invia immagini</translation>
    </message>
    <message>
        <source>the disk has no room for repairing {0}</source>
        <translation>sul disco non c'è posto per riparare {0}</translation>
    </message>
    <message>
        <source>the disk is nearly full: {0} GB are free, and {1} GB must stay free</source>
        <translation>il disco è quasi pieno: sono liberi {0} GB, e {1} GB devono restare liberi</translation>
    </message>
    <message>
        <source>the encoder {0} does not answer: the recording stands still</source>
        <translation>il codificatore {0} non risponde: la registrazione è ferma</translation>
    </message>
    <message>
        <source>the end of the file is missing or damaged</source>
        <translation>la fine del file manca o è danneggiata</translation>
    </message>
    <message>
        <source>the end of {0} is lost: {1}</source>
        <translation>la fine di {0} è persa: {1}</translation>
    </message>
    <message>
        <source>the endoscope is in already.</source>
        <translation>l'endoscopio è già dentro.</translation>
    </message>
    <message>
        <source>the endoscope is out already.</source>
        <translation>l'endoscopio è già fuori.</translation>
    </message>
    <message>
        <source>the endoscope is out.</source>
        <translation>l'endoscopio è fuori.</translation>
    </message>
    <message>
        <source>the examination has begun already.</source>
        <translation>l'esame è già iniziato.</translation>
    </message>
    <message>
        <source>the examination is over.</source>
        <translation>l'esame è concluso.</translation>
    </message>
    <message>
        <source>the file cannot be read there</source>
        <translation>lì il file non si può leggere</translation>
    </message>
    <message>
        <source>the file says that it lasts {0} s, but holds pictures for {1} s only: it was cut short</source>
        <translation>il file dichiara una durata di {0} s, ma contiene immagini solo per {1} s: è stato troncato</translation>
    </message>
    <message>
        <source>the file vanished while it was read</source>
        <translation>il file è scomparso durante la lettura</translation>
    </message>
    <message>
        <source>the folder is needed</source>
        <translation>la cartella serve</translation>
    </message>
    <message>
        <source>the format itself does not hold: {0}; polypwatch.json beside it does</source>
        <translation>il formato in sé non contiene: {0}; li contiene polypwatch.json accanto</translation>
    </message>
    <message>
        <source>the frame could not be analysed</source>
        <translation>il fotogramma non si è potuto analizzare</translation>
    </message>
    <message>
        <source>the histology of {0} procedures with a polyp is missing: no adenoma detection rate</source>
        <translation>manca l'istologia di {0} procedure con un polipo: nessun tasso di rilevazione degli adenomi</translation>
    </message>
    <message>
        <source>the images name no video: their folder was taken for its name, and the number in their name for the frame</source>
        <translation>le immagini non indicano un video: la loro cartella vale come nome, e il numero nel loro nome come fotogramma</translation>
    </message>
    <message>
        <source>the input has {0}</source>
        <translation>l'ingresso ha {0}</translation>
    </message>
    <message>
        <source>the input has {0}, a size that is not offered</source>
        <translation>l'ingresso ha {0}, una dimensione non offerta</translation>
    </message>
    <message>
        <source>the key {0} would be for both '{1}' and '{2}'; choose another</source>
        <translation>il tasto {0} varrebbe sia per '{1}' sia per '{2}'; sceglierne un altro</translation>
    </message>
    <message>
        <source>the last line of {0} is cut off: the program was killed while it wrote</source>
        <translation>l'ultima riga di {0} è troncata: il programma è stato terminato mentre scriveva</translation>
    </message>
    <message>
        <source>the last {0} pictures of the video cannot be decoded and are left out</source>
        <translation>le ultime {0} immagini del video non si possono decodificare e sono omesse</translation>
    </message>
    <message>
        <source>the picture area {0}, and what lies around it may name a patient</source>
        <translation>l'area dell'immagine {0}, e ciò che le sta intorno può indicare un paziente</translation>
    </message>
    <message>
        <source>the picture is held</source>
        <translation>l'immagine è ferma</translation>
    </message>
    <message>
        <source>the pipeline ended</source>
        <translation>la pipeline è finita</translation>
    </message>
    <message>
        <source>the pixel format {0} is not known</source>
        <translation>il formato dei pixel {0} non è noto</translation>
    </message>
    <message>
        <source>the preset of room '{0}'</source>
        <translation>la preimpostazione della sala '{0}'</translation>
    </message>
    <message>
        <source>the preset of room '{0}' in {1}</source>
        <translation>la preimpostazione della sala '{0}' in {1}</translation>
    </message>
    <message>
        <source>the procedure ends here</source>
        <translation>qui la procedura finisce</translation>
    </message>
    <message>
        <source>the recording could not be finished in time; its end may be missing</source>
        <translation>la registrazione non è stata chiusa in tempo; la fine può mancare</translation>
    </message>
    <message>
        <source>the recording does not reach the disk: {0}</source>
        <translation>la registrazione non raggiunge il disco: {0}</translation>
    </message>
    <message>
        <source>the recording has ended: internal error {0}</source>
        <translation>la registrazione è finita: errore interno {0}</translation>
    </message>
    <message>
        <source>the recording is not brought to the disk any more: {0}</source>
        <translation>la registrazione non viene più portata sul disco: {0}</translation>
    </message>
    <message>
        <source>the recording was ended and is complete up to here: {0}</source>
        <translation>la registrazione è stata terminata ed è completa fin qui: {0}</translation>
    </message>
    <message>
        <source>the scene changes</source>
        <translation>la scena cambia</translation>
    </message>
    <message>
        <source>the search is in pictures of {0}, not {1}</source>
        <translation>la ricerca è in immagini di {0}, non {1}</translation>
    </message>
    <message>
        <source>the sender ended the stream</source>
        <translation>il mittente ha chiuso il flusso</translation>
    </message>
    <message>
        <source>the signal at its input is beyond what it can take</source>
        <translation>il segnale all'ingresso supera ciò che può ricevere</translation>
    </message>
    <message>
        <source>the signal at its input is not stable</source>
        <translation>il segnale all'ingresso non è stabile</translation>
    </message>
    <message>
        <source>the size of the picture changes</source>
        <translation>la dimensione dell'immagine cambia</translation>
    </message>
    <message>
        <source>the source's stream has a gap; the recording goes on at its next key frame</source>
        <translation>il flusso della sorgente ha una lacuna; la registrazione riprende dal prossimo fotogramma chiave</translation>
    </message>
    <message>
        <source>the stream shows more than the picture area</source>
        <translation>il flusso mostra più dell'area dell'immagine</translation>
    </message>
    <message>
        <source>the system says: {0}</source>
        <translation>il sistema dice: {0}</translation>
    </message>
    <message>
        <source>the whole picture</source>
        <translation>l'immagine intera</translation>
    </message>
    <message>
        <source>there are fewer than two procedures</source>
        <translation>ci sono meno di due procedure</translation>
    </message>
    <message>
        <source>there is no action '{0}'; there are {1}</source>
        <translation>l'azione '{0}' non c'è; ci sono {1}</translation>
    </message>
    <message>
        <source>there is no event {0} before it.</source>
        <translation>l'evento {0} non c'è prima di esso.</translation>
    </message>
    <message>
        <source>there is no lesion {0}.</source>
        <translation>la lesione {0} non c'è.</translation>
    </message>
    <message>
        <source>there is no picture {0}; the procedure has {1}</source>
        <translation>l'immagine {0} non c'è; la procedura ne ha {1}</translation>
    </message>
    <message>
        <source>these are figures of different models together: {0}</source>
        <translation>questi sono indicatori di modelli diversi insieme: {0}</translation>
    </message>
    <message>
        <source>these are {0} single pictures, shown at a nominal {1} a second</source>
        <translation>queste sono {0} immagini singole, mostrate a {1} nominali al secondo</translation>
    </message>
    <message>
        <source>this GStreamer has no decklink plug-in</source>
        <translation>questo GStreamer non ha il plug-in decklink</translation>
    </message>
    <message>
        <source>this computer cannot write the video as fast as it comes; frames are missing</source>
        <translation>questo computer non scrive il video alla velocità con cui arriva; mancano fotogrammi</translation>
    </message>
    <message>
        <source>this does not fit through {0}: expect lost frames</source>
        <translation>questo non passa da {0}: attendersi fotogrammi persi</translation>
    </message>
    <message>
        <source>this is the last picture</source>
        <translation>questa è l'ultima immagine</translation>
    </message>
    <message>
        <source>this review was begun with everything in sight, and cannot be blinded afterwards</source>
        <translation>questa revisione è iniziata con tutto visibile, e non si può rendere cieca dopo</translation>
    </message>
    <message>
        <source>this user may not read it</source>
        <translation>questo utente non può leggerlo</translation>
    </message>
    <message>
        <source>time left: known after a few answers</source>
        <translation>tempo restante: noto dopo qualche risposta</translation>
    </message>
    <message>
        <source>to</source>
        <translation>al</translation>
    </message>
    <message>
        <source>today</source>
        <translation>oggi</translation>
    </message>
    <message>
        <source>too little of it can be followed</source>
        <translation>se ne può seguire troppo poco</translation>
    </message>
    <message>
        <source>too small to tell</source>
        <translation>troppo piccolo per dirlo</translation>
    </message>
    <message>
        <source>track {0}</source>
        <translation>traccia {0}</translation>
    </message>
    <message>
        <source>traditional serrated adenoma</source>
        <translation>adenoma serrato tradizionale</translation>
    </message>
    <message>
        <source>transverse colon</source>
        <translation>colon trasverso</translation>
    </message>
    <message>
        <source>unclear</source>
        <translation>incerto</translation>
    </message>
    <message>
        <source>uncompressed</source>
        <translation>non compresso</translation>
    </message>
    <message>
        <source>uncompressed does not fit through {0}</source>
        <translation>non compresso non passa da {0}</translation>
    </message>
    <message>
        <source>uncompressed gives {0} frames/s only</source>
        <translation>non compresso dà solo {0} fotogrammi/s</translation>
    </message>
    <message>
        <source>undo</source>
        <translation>annullare</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>ignoto</translation>
    </message>
    <message>
        <source>unknown rates</source>
        <translation>cadenze ignote</translation>
    </message>
    <message>
        <source>unknown yet (no motion)</source>
        <translation>ancora ignoto (nessun movimento)</translation>
    </message>
    <message>
        <source>until {day}</source>
        <translation>fino al {day}</translation>
    </message>
    <message>
        <source>up to 5 mm</source>
        <translation>fino a 5 mm</translation>
    </message>
    <message>
        <source>videos without a box, attributes and reviewed ranges</source>
        <translation>video senza riquadri, attributi e tratti rivisti</translation>
    </message>
    <message>
        <source>visibility, attributes, reviewed ranges, and frames that were not exported</source>
        <translation>visibilità, attributi, tratti rivisti e fotogrammi non esportati</translation>
    </message>
    <message>
        <source>waiting for the AI</source>
        <translation>in attesa dell'IA</translation>
    </message>
    <message>
        <source>waiting for the live window</source>
        <translation>in attesa della finestra dal vivo</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>in attesa</translation>
    </message>
    <message>
        <source>waits for the first model</source>
        <translation>attende il primo modello</translation>
    </message>
    <message>
        <source>was ended by signal {0}</source>
        <translation>è stata terminata dal segnale {0}</translation>
    </message>
    <message>
        <source>was ended by {0}</source>
        <translation>è stata terminata da {0}</translation>
    </message>
    <message>
        <source>was not written to its end</source>
        <translation>non è stata scritta fino in fondo</translation>
    </message>
    <message>
        <source>was there already</source>
        <translation>c'era già</translation>
    </message>
    <message>
        <source>washed out</source>
        <translation>slavata</translation>
    </message>
    <message>
        <source>what changes has no shape of a picture</source>
        <translation>ciò che cambia non ha la forma di un'immagine</translation>
    </message>
    <message>
        <source>what changes is too small a part of it</source>
        <translation>ciò che cambia ne è una parte troppo piccola</translation>
    </message>
    <message>
        <source>what is at its input {0} is off</source>
        <translation>ciò che è all'ingresso {0} è spento</translation>
    </message>
    <message>
        <source>what is done is kept; analyse it again to go on</source>
        <translation>ciò che è fatto è conservato; analizzarla di nuovo per continuare</translation>
    </message>
    <message>
        <source>whenever</source>
        <translation>in ogni data</translation>
    </message>
    <message>
        <source>where there is no journal, every labelled lesion counts as found</source>
        <translation>dove non c'è un registro, ogni lesione annotata conta come trovata</translation>
    </message>
    <message>
        <source>with polyps</source>
        <translation>con polipi</translation>
    </message>
    <message>
        <source>withdrawal without interventions {time}</source>
        <translation>retrazione senza interventi {time}</translation>
    </message>
    <message>
        <source>without polyps</source>
        <translation>senza polipi</translation>
    </message>
    <message>
        <source>worse</source>
        <translation>peggiore</translation>
    </message>
    <message>
        <source>you</source>
        <translation>propria</translation>
    </message>
    <message>
        <source>{0} (live)</source>
        <translation>{0} (dal vivo)</translation>
    </message>
    <message>
        <source>{0} (live, second model)</source>
        <translation>{0} (dal vivo, secondo modello)</translation>
    </message>
    <message>
        <source>{0} (live, unseen)</source>
        <translation>{0} (dal vivo, non mostrato)</translation>
    </message>
    <message>
        <source>{0} (process {1})</source>
        <translation>{0} (processo {1})</translation>
    </message>
    <message>
        <source>{0} (re-analysis)</source>
        <translation>{0} (rianalisi)</translation>
    </message>
    <message>
        <source>{0} Here it can be looked at, but not changed.</source>
        <translation>{0} Qui si può guardare, ma non modificare.</translation>
    </message>
    <message>
        <source>{0} alarms nobody has judged yet: as long as that is so, the sensitivity is too low.</source>
        <translation>{0} allarmi non sono ancora stati giudicati: finché è così, la sensibilità è troppo bassa.</translation>
    </message>
    <message>
        <source>{0} also has frames of another video ({1}): left out</source>
        <translation>{0} ha anche fotogrammi di un altro video ({1}): omessi</translation>
    </message>
    <message>
        <source>{0} boxes are occluded: they count as clear, as CVAT's word does not say how much is seen</source>
        <translation>{0} riquadri sono coperti: contano come nitidi, perché il termine di CVAT non dice quanto si vede</translation>
    </message>
    <message>
        <source>{0} boxes begin at 0, so that they most likely count from 0 and lie one pixel off</source>
        <translation>{0} riquadri cominciano da 0, quindi molto probabilmente contano da 0 e stanno spostati di un pixel</translation>
    </message>
    <message>
        <source>{0} boxes lie outside of the crop and were left out</source>
        <translation>{0} riquadri stanno fuori dal ritaglio e sono omessi</translation>
    </message>
    <message>
        <source>{0} boxes lie outside of the picture or are too small and were left out (frame {1}{2})</source>
        <translation>{0} riquadri stanno fuori dall'immagine o sono troppo piccoli e sono omessi (fotogramma {1}{2})</translation>
    </message>
    <message>
        <source>{0} boxes reached beyond the picture and were cut off at its border</source>
        <translation>{0} riquadri uscivano dall'immagine e sono tagliati al suo bordo</translation>
    </message>
    <message>
        <source>{0} bytes of an edit that a crash cut short were left out of {1}</source>
        <translation>{0} byte di una modifica troncata da un arresto sono omessi da {1}</translation>
    </message>
    <message>
        <source>{0} can be read in part only, and the rest counts as not analysed: {1}</source>
        <translation>{0} si può leggere solo in parte, e il resto conta come non analizzato: {1}</translation>
    </message>
    <message>
        <source>{0} cannot be dated: {1}.</source>
        <translation>{0} non si può datare: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be loaded: {1}.</source>
        <translation>{0} non si può caricare: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be made: {1}.</source>
        <translation>{0} non si può creare: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be opened: {1}.</source>
        <translation>{0} non si apre: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be opened{1}.</source>
        <translation>{0} non si apre{1}.</translation>
    </message>
    <message>
        <source>{0} cannot be reached: {1}.</source>
        <translation>{0} non si raggiunge: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1})</source>
        <translation>{0} non si può leggere ({1})</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}).</source>
        <translation>{0} non si può leggere ({1}).</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}): name and folders must be given anew.</source>
        <translation>{0} non si può leggere ({1}): nome e cartelle vanno indicati di nuovo.</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}): the default settings are used.</source>
        <translation>{0} non si può leggere ({1}): si usano le impostazioni predefinite.</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}): what was found there before is still listed.</source>
        <translation>{0} non si può leggere ({1}): ciò che vi era stato trovato resta nell'elenco.</translation>
    </message>
    <message>
        <source>{0} cannot be read.</source>
        <translation>{0} non si può leggere.</translation>
    </message>
    <message>
        <source>{0} cannot be read: internal error {1}.</source>
        <translation>{0} non si può leggere: errore interno {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be read: {1}.</source>
        <translation>{0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be taken away: {1}.</source>
        <translation>{0} non si può togliere: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be used: {1}.</source>
        <translation>{0} non si può usare: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be written: {1}.</source>
        <translation>{0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>{0} carries no video.</source>
        <translation>{0} non porta un video.</translation>
    </message>
    <message>
        <source>{0} changed while it was exported.</source>
        <translation>{0} è cambiato durante l'esportazione.</translation>
    </message>
    <message>
        <source>{0} could not be checked: {1}</source>
        <translation>{0} non si è potuto controllare: {1}</translation>
    </message>
    <message>
        <source>{0} could not be deleted completely: {1}.</source>
        <translation>{0} non è stato eliminato del tutto: {1}.</translation>
    </message>
    <message>
        <source>{0} could not be looked at: {1}.</source>
        <translation>{0} non si è potuto esaminare: {1}.</translation>
    </message>
    <message>
        <source>{0} could not be read and was put aside.</source>
        <translation>{0}: illeggibile, messo da parte.</translation>
    </message>
    <message>
        <source>{0} could not be repaired ({1})</source>
        <translation>{0} non è stato riparato ({1})</translation>
    </message>
    <message>
        <source>{0} damaged pictures. Reinstall Polypwatch.</source>
        <translation>{0} immagini danneggiate. Reinstallare Polypwatch.</translation>
    </message>
    <message>
        <source>{0} does not answer: no picture within {1} s.</source>
        <translation>{0} non risponde: nessuna immagine entro {1} s.</translation>
    </message>
    <message>
        <source>{0} does not begin with the start of an examination.</source>
        <translation>{0} non comincia con l'inizio di un esame.</translation>
    </message>
    <message>
        <source>{0} does not exist on that server.</source>
        <translation>{0} non esiste su quel server.</translation>
    </message>
    <message>
        <source>{0} does not exist or is not a file.</source>
        <translation>{0} non esiste o non è un file.</translation>
    </message>
    <message>
        <source>{0} does not exist.</source>
        <translation>{0} non esiste.</translation>
    </message>
    <message>
        <source>{0} does not show the picture that was to be copied.</source>
        <translation>{0} non mostra l'immagine che si doveva copiare.</translation>
    </message>
    <message>
        <source>{0} does not take these options.</source>
        <translation>{0} non accetta queste opzioni.</translation>
    </message>
    <message>
        <source>{0} exists already.</source>
        <translation>{0} esiste già.</translation>
    </message>
    <message>
        <source>{0} exists already; nothing is written over.</source>
        <translation>{0} esiste già; nulla viene sovrascritto.</translation>
    </message>
    <message>
        <source>{0} followed something for {1} s, but was not sure enough to show it (score up to {2}; shown from {3}).</source>
        <translation>{0} ha seguito qualcosa per {1} s, ma non era abbastanza sicuro per mostrarlo (punteggio fino a {2}; mostrato da {3}).</translation>
    </message>
    <message>
        <source>{0} frames of the session were never recorded</source>
        <translation>{0} fotogrammi della sessione non sono mai stati registrati</translation>
    </message>
    <message>
        <source>{0} frames with a marginal lesion were left out: YOLO can only say 'polyp' or 'no polyp'</source>
        <translation>{0} fotogrammi con una lesione marginale sono omessi: YOLO può dire solo 'polyp' o 'no polyp'</translation>
    </message>
    <message>
        <source>{0} frames/s</source>
        <translation>{0} fotogrammi/s</translation>
    </message>
    <message>
        <source>{0} gives an alarm for {1} s (score {2}); {3} gives none.</source>
        <translation>{0} dà un allarme per {1} s (punteggio {2}); {3} non ne dà.</translation>
    </message>
    <message>
        <source>{0} has a setting '{1}' that there is not{2}.</source>
        <translation>{0} ha un'impostazione '{1}' che non c'è{2}.</translation>
    </message>
    <message>
        <source>{0} has a {1}, but no video.</source>
        <translation>{0} ha {1}, ma nessun video.</translation>
    </message>
    <message>
        <source>{0} has no 'schema' field; expected '{1}'.</source>
        <translation>{0} non ha il campo 'schema'; atteso '{1}'.</translation>
    </message>
    <message>
        <source>{0} has no column '{1}'.</source>
        <translation>{0} non ha la colonna '{1}'.</translation>
    </message>
    <message>
        <source>{0} has no pictures, so that there is nothing to label.</source>
        <translation>{0} non ha immagini, quindi non c'è nulla da annotare.</translation>
    </message>
    <message>
        <source>{0} has no record of what was shown live.</source>
        <translation>{0} non ha traccia di ciò che è stato mostrato dal vivo.</translation>
    </message>
    <message>
        <source>{0} has no results called '{1}'.</source>
        <translation>{0} non ha risultati di nome '{1}'.</translation>
    </message>
    <message>
        <source>{0} has no results that can be used.</source>
        <translation>{0} non ha risultati utilizzabili.</translation>
    </message>
    <message>
        <source>{0} has no results.</source>
        <translation>{0} non ha risultati.</translation>
    </message>
    <message>
        <source>{0} has no results{1} (there are: {2}).</source>
        <translation>{0} non ha risultati{1} (ci sono: {2}).</translation>
    </message>
    <message>
        <source>{0} has no video {1}.</source>
        <translation>{0} non ha il video {1}.</translation>
    </message>
    <message>
        <source>{0} has no {1}: without it nobody knows when its frames were taken.</source>
        <translation>{0} non ha {1}: senza, nessuno sa quando i suoi fotogrammi sono stati ripresi.</translation>
    </message>
    <message>
        <source>{0} has not committed yet.</source>
        <translation>{0} non ha ancora concluso.</translation>
    </message>
    <message>
        <source>{0} has several results.</source>
        <translation>{0} ha più risultati.</translation>
    </message>
    <message>
        <source>{0} has this review open in another window (since {1} UTC, process {2}).</source>
        <translation>{0} ha questa revisione aperta in un'altra finestra (dalle {1} UTC, processo {2}).</translation>
    </message>
    <message>
        <source>{0} has {1} of the {2} frames that are labelled.</source>
        <translation>{0} ha {1} dei {2} fotogrammi annotati.</translation>
    </message>
    <message>
        <source>{0} holds a part of the results only: that analysis was interrupted.</source>
        <translation>{0} contiene solo una parte dei risultati: quell'analisi è stata interrotta.</translation>
    </message>
    <message>
        <source>{0} holds a recording without a single picture.</source>
        <translation>{0} contiene una registrazione senza nessuna immagine.</translation>
    </message>
    <message>
        <source>{0} holds neither a recording nor a video.</source>
        <translation>{0} non contiene né una registrazione né un video.</translation>
    </message>
    <message>
        <source>{0} holds neither snapshots nor a recording.</source>
        <translation>{0} non contiene né fotografie né una registrazione.</translation>
    </message>
    <message>
        <source>{0} holds no encapsulated video.</source>
        <translation>{0} non contiene un video incapsulato.</translation>
    </message>
    <message>
        <source>{0} holds no event that can be read.</source>
        <translation>{0} non contiene eventi leggibili.</translation>
    </message>
    <message>
        <source>{0} holds no image that can be decoded.</source>
        <translation>{0} non contiene immagini decodificabili.</translation>
    </message>
    <message>
        <source>{0} holds no picture</source>
        <translation>{0} non contiene immagini</translation>
    </message>
    <message>
        <source>{0} holds no picture that can be decoded.</source>
        <translation>{0} non contiene immagini decodificabili.</translation>
    </message>
    <message>
        <source>{0} holds no picture there.</source>
        <translation>Lì {0} non contiene immagini.</translation>
    </message>
    <message>
        <source>{0} holds no recording (video-001.mkv, {1}).</source>
        <translation>{0} non contiene una registrazione (video-001.mkv, {1}).</translation>
    </message>
    <message>
        <source>{0} holds no video</source>
        <translation>{0} non contiene un video</translation>
    </message>
    <message>
        <source>{0} holds no video that can be decoded.</source>
        <translation>{0} non contiene un video decodificabile.</translation>
    </message>
    <message>
        <source>{0} holds no video.</source>
        <translation>{0} non contiene un video.</translation>
    </message>
    <message>
        <source>{0} holds no {1}{2}.</source>
        <translation>{0} non contiene {1}{2}.</translation>
    </message>
    <message>
        <source>{0} holds nothing that can be taken over.</source>
        <translation>{0} non contiene nulla che si possa adottare.</translation>
    </message>
    <message>
        <source>{0} holds something already; nothing is written over.</source>
        <translation>{0} contiene già qualcosa; nulla viene sovrascritto.</translation>
    </message>
    <message>
        <source>{0} holds {1} pictures, and its copy {2}</source>
        <translation>{0} contiene {1} immagini, e la sua copia {2}</translation>
    </message>
    <message>
        <source>{0} holds {1} pictures, but its sidecar lists more.</source>
        <translation>{0} contiene {1} immagini, ma il suo file di accompagnamento ne elenca di più.</translation>
    </message>
    <message>
        <source>{0} is DICOM, but no video (transfer syntax {1}).</source>
        <translation>{0} è DICOM, ma non un video (sintassi di trasferimento {1}).</translation>
    </message>
    <message>
        <source>{0} is a folder of pictures: labels belong to one video file.</source>
        <translation>{0} è una cartella di immagini: le annotazioni appartengono a un file video.</translation>
    </message>
    <message>
        <source>{0} is a recording, not a live stream.</source>
        <translation>{0} è una registrazione, non un flusso dal vivo.</translation>
    </message>
    <message>
        <source>{0} is an examination without a recording.</source>
        <translation>{0} è un esame senza registrazione.</translation>
    </message>
    <message>
        <source>{0} is being recorded into.</source>
        <translation>In {0} si sta registrando.</translation>
    </message>
    <message>
        <source>{0} is being recorded or repaired.</source>
        <translation>{0} è in registrazione o in riparazione.</translation>
    </message>
    <message>
        <source>{0} is being repaired already.</source>
        <translation>{0} è già in riparazione.</translation>
    </message>
    <message>
        <source>{0} is being written by another window or command.</source>
        <translation>{0} è in scrittura da un'altra finestra o da un altro comando.</translation>
    </message>
    <message>
        <source>{0} is coded in a way that this installation cannot decode.</source>
        <translation>{0} è codificato in un modo che questa installazione non decodifica.</translation>
    </message>
    <message>
        <source>{0} is cut off or damaged.</source>
        <translation>{0} è troncato o danneggiato.</translation>
    </message>
    <message>
        <source>{0} is damaged {1}; it cannot be said which frame is which after that.</source>
        <translation>{0} è danneggiato {1}; da lì in poi non si sa quale fotogramma sia quale.</translation>
    </message>
    <message>
        <source>{0} is damaged: it has no frames.</source>
        <translation>{0} è danneggiato: non ha fotogrammi.</translation>
    </message>
    <message>
        <source>{0} is damaged: {1}.</source>
        <translation>{0} è danneggiato: {1}.</translation>
    </message>
    <message>
        <source>{0} is empty (0 bytes).</source>
        <translation>{0} è vuoto (0 byte).</translation>
    </message>
    <message>
        <source>{0} is far too large for a settings file.</source>
        <translation>{0} è troppo grande per un file di impostazioni.</translation>
    </message>
    <message>
        <source>{0} is left out: {1}</source>
        <translation>{0} è escluso: {1}</translation>
    </message>
    <message>
        <source>{0} is no DICOM file.</source>
        <translation>{0} non è un file DICOM.</translation>
    </message>
    <message>
        <source>{0} is no JSON file ({1}).</source>
        <translation>{0} non è un file JSON ({1}).</translation>
    </message>
    <message>
        <source>{0} is no Parquet file that can be read ({1}).</source>
        <translation>{0} non è un file Parquet leggibile ({1}).</translation>
    </message>
    <message>
        <source>{0} is no aspect of a picture.</source>
        <translation>{0} non è un rapporto d'immagine.</translation>
    </message>
    <message>
        <source>{0} is no colour encoding.</source>
        <translation>{0} non è una codifica dei colori.</translation>
    </message>
    <message>
        <source>{0} is no name for a handover.</source>
        <translation>{0} non è un nome per una consegna.</translation>
    </message>
    <message>
        <source>{0} is no picture area.</source>
        <translation>{0} non è un'area dell'immagine.</translation>
    </message>
    <message>
        <source>{0} is no picture size.</source>
        <translation>{0} non è una dimensione dell'immagine.</translation>
    </message>
    <message>
        <source>{0} is no picture that can be read.</source>
        <translation>{0} non è un'immagine leggibile.</translation>
    </message>
    <message>
        <source>{0} is no pipeline that can be built here: {1}.</source>
        <translation>{0} non è una pipeline costruibile qui: {1}.</translation>
    </message>
    <message>
        <source>{0} is no plan of an audit: {1}.</source>
        <translation>{0} non è il piano di una verifica: {1}.</translation>
    </message>
    <message>
        <source>{0} is no recording of ours: what stands beside its picture is not known.</source>
        <translation>{0} non è una registrazione nostra: non si sa che cosa sta accanto all'immagine.</translation>
    </message>
    <message>
        <source>{0} is no review that can be read: {1}.</source>
        <translation>{0} non è una revisione leggibile: {1}.</translation>
    </message>
    <message>
        <source>{0} is no row of a results log.</source>
        <translation>{0} non è una riga di un registro dei risultati.</translation>
    </message>
    <message>
        <source>{0} is no way to deinterlace.</source>
        <translation>{0} non è un modo di deinterlacciare.</translation>
    </message>
    <message>
        <source>{0} is no whole snapshot: {1} is missing.</source>
        <translation>{0} non è una fotografia intera: manca {1}.</translation>
    </message>
    <message>
        <source>{0} is not JSON: {1}.</source>
        <translation>{0} non è JSON: {1}.</translation>
    </message>
    <message>
        <source>{0} is not UTF-8 text: {1}.</source>
        <translation>{0} non è testo UTF-8: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a complete video: its index (moov) is missing, so it was cut off while being recorded or copied.</source>
        <translation>{0} non è un video completo: manca l'indice (moov), quindi è stato troncato durante la registrazione o la copia.</translation>
    </message>
    <message>
        <source>{0} is not a network that ONNX Runtime can load: {1}.</source>
        <translation>{0} non è una rete che ONNX Runtime può caricare: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a valid annotation: {1}.</source>
        <translation>{0} non è un'annotazione valida: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a valid model manifest: {1}.</source>
        <translation>{0} non è un manifesto di modello valido: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a video that can be read.</source>
        <translation>{0} non è un video leggibile.</translation>
    </message>
    <message>
        <source>{0} is not a video that can be read: {1}.</source>
        <translation>{0} non è un video leggibile: {1}.</translation>
    </message>
    <message>
        <source>{0} is not an event.</source>
        <translation>{0} non è un evento.</translation>
    </message>
    <message>
        <source>{0} is not opened any more: the window is being closed.</source>
        <translation>{0} non si apre più: la finestra si sta chiudendo.</translation>
    </message>
    <message>
        <source>{0} is not the network that its manifest describes: {1} {2}.</source>
        <translation>{0} non è la rete descritta dal suo manifesto: {1} {2}.</translation>
    </message>
    <message>
        <source>{0} is not valid JSON: {1}.</source>
        <translation>{0} non è JSON valido: {1}.</translation>
    </message>
    <message>
        <source>{0} is not whole: it covers {1} of {2} frames; the others count as not analysed</source>
        <translation>{0} non è intero: copre {1} fotogrammi su {2}; gli altri contano come non analizzati</translation>
    </message>
    <message>
        <source>{0} is nothing that can be exported.</source>
        <translation>{0} non è nulla che si possa esportare.</translation>
    </message>
    <message>
        <source>{0} is of another video: it has a frame {1} of {2}, which this one does not have.</source>
        <translation>{0} è di un altro video: ha un fotogramma {1} di {2}, che questo non ha.</translation>
    </message>
    <message>
        <source>{0} is of another video: {1}.</source>
        <translation>{0} è di un altro video: {1}.</translation>
    </message>
    <message>
        <source>{0} is of schema '{1}'; expected '{2}'.</source>
        <translation>{0} è dello schema '{1}'; atteso '{2}'.</translation>
    </message>
    <message>
        <source>{0} is of schema '{1}'; this version of Polypwatch reads '{2}'.</source>
        <translation>{0} è dello schema '{1}'; questa versione di Polypwatch legge '{2}'.</translation>
    </message>
    <message>
        <source>{0} is one of the procedures.</source>
        <translation>{0} è una delle procedure.</translation>
    </message>
    <message>
        <source>{0} is one of the two readers.</source>
        <translation>{0} è uno dei due lettori.</translation>
    </message>
    <message>
        <source>{0} is still being recorded or repaired: it can be reviewed when that is done.</source>
        <translation>{0} è ancora in registrazione o in riparazione: si potrà rivedere quando è finito.</translation>
    </message>
    <message>
        <source>{0} is still held by an earlier connection that does not answer.</source>
        <translation>{0} è ancora occupata da un collegamento precedente che non risponde.</translation>
    </message>
    <message>
        <source>{0} is the review of another video: {1}.</source>
        <translation>{0} è la revisione di un altro video: {1}.</translation>
    </message>
    <message>
        <source>{0} is the review of {1}, not of {2}.</source>
        <translation>{0} è la revisione di {1}, non di {2}.</translation>
    </message>
    <message>
        <source>{0} is what it has for {1}</source>
        <translation>{0} è ciò che ha per {1}</translation>
    </message>
    <message>
        <source>{0} is {1}x{2}, not {3}x{4}.</source>
        <translation>{0} è {1}x{2}, non {3}x{4}.</translation>
    </message>
    <message>
        <source>{0} labels another video: '{1}' with SHA-256 {2}..., which is not the content of {3}.</source>
        <translation>{0} annota un altro video: '{1}' con SHA-256 {2}..., che non è il contenuto di {3}.</translation>
    </message>
    <message>
        <source>{0} lacks video-{1}.mkv, which {2} names.</source>
        <translation>In {0} manca video-{1}.mkv, indicato da {2}.</translation>
    </message>
    <message>
        <source>{0} lesions</source>
        <translation>{0} lesioni</translation>
    </message>
    <message>
        <source>{0} lists no frame of {1}; it is left out</source>
        <translation>{0} non elenca nessun fotogramma di {1}; è escluso</translation>
    </message>
    <message>
        <source>{0} lists {1} frames of {2}, which holds {3}</source>
        <translation>{0} elenca {1} fotogrammi di {2}, che ne contiene {3}</translation>
    </message>
    <message>
        <source>{0} looks like no format that is known.</source>
        <translation>{0} non sembra nessun formato noto.</translation>
    </message>
    <message>
        <source>{0} marked frames lie behind the end of the video and were left out</source>
        <translation>{0} fotogrammi segnati stanno oltre la fine del video e sono omessi</translation>
    </message>
    <message>
        <source>{0} marked frames that nobody reviewed as a whole were left out</source>
        <translation>{0} fotogrammi segnati, che nessuno ha rivisto per intero, sono omessi</translation>
    </message>
    <message>
        <source>{0} may not be read.</source>
        <translation>{0} non si può leggere.</translation>
    </message>
    <message>
        <source>{0} must hold 'name' and 'settings'.</source>
        <translation>{0} deve contenere 'name' e 'settings'.</translation>
    </message>
    <message>
        <source>{0} names no DeckLink card.</source>
        <translation>{0} non indica nessuna scheda DeckLink.</translation>
    </message>
    <message>
        <source>{0} names no two colour encodings.</source>
        <translation>{0} non indica due codifiche dei colori.</translation>
    </message>
    <message>
        <source>{0} no longer exists</source>
        <translation>{0} non esiste più</translation>
    </message>
    <message>
        <source>{0} no longer exists: unplugged?</source>
        <translation>{0} non esiste più: scollegato?</translation>
    </message>
    <message>
        <source>{0} of {1} pictures were painted</source>
        <translation>sono apparse {0} immagini su {1}</translation>
    </message>
    <message>
        <source>{0} of {1} procedures were reviewed in part only: figures per procedure are of their reviewed time</source>
        <translation>{0} procedure su {1} sono state riviste solo in parte: gli indicatori per procedura riguardano il loro tempo rivisto</translation>
    </message>
    <message>
        <source>{0} of {1} sequences have no true time: no false-positive events of them</source>
        <translation>{0} sequenze su {1} non hanno un tempo vero: nessun evento falso positivo di queste</translation>
    </message>
    <message>
        <source>{0} pictures ({1}) are there</source>
        <translation>ci sono {0} immagini ({1})</translation>
    </message>
    <message>
        <source>{0} pictures are black: they may not have been of the inside of a body</source>
        <translation>{0} immagini sono nere: forse non erano dell'interno di un corpo</translation>
    </message>
    <message>
        <source>{0} pictures of the examination were not recorded and cannot be shown</source>
        <translation>{0} immagini dell'esame non sono state registrate e non si possono mostrare</translation>
    </message>
    <message>
        <source>{0} pictures were recorded and read back, every one listed.</source>
        <translation>{0} immagini registrate e rilette, tutte elencate.</translation>
    </message>
    <message>
        <source>{0} pictures were recorded, {1} can be read back, {2} are listed. Check the disk.</source>
        <translation>{0} immagini registrate, {1} si possono rileggere, {2} sono elencate. Controllare il disco.</translation>
    </message>
    <message>
        <source>{0} procedures</source>
        <translation>{0} procedure</translation>
    </message>
    <message>
        <source>{0} procedures have answers of one of the two only: they count for that one, and in no difference</source>
        <translation>{0} procedure hanno risposte solo di uno dei due: contano per quello, e in nessuna differenza</translation>
    </message>
    <message>
        <source>{0} procedures without a journal were reviewed in part only and do not count</source>
        <translation>{0} procedure senza registro sono state riviste solo in parte e non contano</translation>
    </message>
    <message>
        <source>{0} refuses the connection.</source>
        <translation>{0} rifiuta il collegamento.</translation>
    </message>
    <message>
        <source>{0} refuses the user name or password.</source>
        <translation>{0} rifiuta il nome utente o la password.</translation>
    </message>
    <message>
        <source>{0} rows of {1} are of no picture of this recording: left out</source>
        <translation>{0} righe di {1} non sono di nessuna immagine di questa registrazione: omesse</translation>
    </message>
    <message>
        <source>{0} sends something that is not video.</source>
        <translation>{0} invia qualcosa che non è video.</translation>
    </message>
    <message>
        <source>{0} sent no picture within {1} s.</source>
        <translation>{0} non ha inviato immagini entro {1} s.</translation>
    </message>
    <message>
        <source>{0} sent no picture: {1}, {2}.</source>
        <translation>{0} non ha inviato immagini: {1}, {2}.</translation>
    </message>
    <message>
        <source>{0} settles two other readers ({1}).</source>
        <translation>{0} decide già tra altri due lettori ({1}).</translation>
    </message>
    <message>
        <source>{0} should be black and is not.</source>
        <translation>{0} dovrebbe essere nero e non lo è.</translation>
    </message>
    <message>
        <source>{0} shows nothing.</source>
        <translation>{0} non mostra nulla.</translation>
    </message>
    <message>
        <source>{0} through {1}{2}</source>
        <translation>{0} tramite {1}{2}</translation>
    </message>
    <message>
        <source>{0} uses a protocol that this installation cannot read.</source>
        <translation>{0} usa un protocollo che questa installazione non legge.</translation>
    </message>
    <message>
        <source>{0} videos have no labels and were left out</source>
        <translation>{0} video non hanno annotazioni e sono omessi</translation>
    </message>
    <message>
        <source>{0} was closed while it was being opened.</source>
        <translation>{0} è stata chiusa durante l'apertura.</translation>
    </message>
    <message>
        <source>{0} was edited after this answer, so that it is no longer the last edit.</source>
        <translation>{0} è stata modificata dopo questa risposta, che quindi non è più l'ultima modifica.</translation>
    </message>
    <message>
        <source>{0} was not deleted: {1}.</source>
        <translation>{0} non è stato eliminato: {1}.</translation>
    </message>
    <message>
        <source>{0} was stopped.</source>
        <translation>Interrotto: {0}.</translation>
    </message>
    <message>
        <source>{0} with a marked withdrawal</source>
        <translation>{0} con retrazione segnata</translation>
    </message>
    <message>
        <source>{0} would give {1} frames/s</source>
        <translation>{0} darebbe {1} fotogrammi/s</translation>
    </message>
    <message>
        <source>{0} {1} Name and folders must be given anew.</source>
        <translation>{0} {1} Nome e cartelle vanno indicati di nuovo.</translation>
    </message>
    <message>
        <source>{0} {1} The default settings are used. {2}</source>
        <translation>{0} {1} Si usano le impostazioni predefinite. {2}</translation>
    </message>
    <message>
        <source>{0} {1} could not be read and was put aside.</source>
        <translation>{0} {1}: illeggibile, messo da parte.</translation>
    </message>
    <message>
        <source>{0} {1} that can be decoded.</source>
        <translation>{0} {1} decodificabile.</translation>
    </message>
    <message>
        <source>{0}, but not in their order. Report this.</source>
        <translation>{0}, ma non nel loro ordine. Segnalarlo.</translation>
    </message>
    <message>
        <source>{0}, frame row {1} is damaged: {2}.</source>
        <translation>{0}: la riga del fotogramma {1} è danneggiata: {2}.</translation>
    </message>
    <message>
        <source>{0}, in their order.</source>
        <translation>{0}, nel loro ordine.</translation>
    </message>
    <message>
        <source>{0}, line {1}</source>
        <translation>{0}, riga {1}</translation>
    </message>
    <message>
        <source>{0}, though asked for {1}</source>
        <translation>{0}, benché richiesto {1}</translation>
    </message>
    <message>
        <source>{0}, through GStreamer</source>
        <translation>{0}, tramite GStreamer</translation>
    </message>
    <message>
        <source>{0}, {1} at the end are missing</source>
        <translation>{0}, alla fine ne mancano {1}</translation>
    </message>
    <message>
        <source>{0}. or later</source>
        <translation>{0}. o dopo</translation>
    </message>
    <message>
        <source>{0}: field 'capture_index' must be the number of a frame or null, not {1}.</source>
        <translation>{0}: il campo 'capture_index' deve essere il numero di un fotogramma o nullo, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 'kind' must say what happened, not {1}.</source>
        <translation>{0}: il campo 'kind' deve dire che cosa è successo, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 'n' must be the number of the event, not {1}.</source>
        <translation>{0}: il campo 'n' deve essere il numero dell'evento, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 't_s' must be seconds since the start, not {1}.</source>
        <translation>{0}: il campo 't_s' deve essere in secondi dall'inizio, non {1}.</translation>
    </message>
    <message>
        <source>{0}: frame {1} stands at place {2} of segment {3}, but it is the {4}. listed there.</source>
        <translation>{0}: il fotogramma {1} sta al posto {2} del segmento {3}, ma vi è elencato come {4}.</translation>
    </message>
    <message>
        <source>{0}: labels are still being compared with their video and are left out</source>
        <translation>{0}: le annotazioni sono ancora in confronto con il video e sono omesse</translation>
    </message>
    <message>
        <source>{0}: nobody reviewed {1}; it is left out</source>
        <translation>{0}: nessuno ha rivisto {1}; è escluso</translation>
    </message>
    <message>
        <source>{0}: of {1} frames {2} were not analysed and {3} could not be</source>
        <translation>{0}: di {1} fotogrammi {2} non sono stati analizzati e {3} non erano analizzabili</translation>
    </message>
    <message>
        <source>{0}: the end was lost when the program was killed</source>
        <translation>{0}: la fine si è persa quando il programma è stato terminato</translation>
    </message>
    <message>
        <source>{0}: the frame '{1}' is no whole number.</source>
        <translation>{0}: il fotogramma '{1}' non è un numero intero.</translation>
    </message>
    <message>
        <source>{0}: the last picture was written, its line was not; it is left out</source>
        <translation>{0}: l'ultima immagine è stata scritta, la sua riga no; è omessa</translation>
    </message>
    <message>
        <source>{0}: the state '{1}' is neither clear nor marginal.</source>
        <translation>{0}: lo stato '{1}' non è né clear né marginal.</translation>
    </message>
    <message>
        <source>{0}: there is another event {1} already.</source>
        <translation>{0}: c'è già un altro evento {1}.</translation>
    </message>
    <message>
        <source>{0}: this version of Polypwatch does not know the operation {1}.</source>
        <translation>{0}: questa versione di Polypwatch non conosce l'operazione {1}.</translation>
    </message>
    <message>
        <source>{0}: {1} has no labels and is left out</source>
        <translation>{0}: {1} non ha annotazioni ed è escluso</translation>
    </message>
    <message>
        <source>{0}: {1} labelled boxes reach beyond the picture: open it in Replay and correct them</source>
        <translation>{0}: {1} riquadri annotati escono dall'immagine: aprirla nel Replay e correggerli</translation>
    </message>
    <message>
        <source>{0}: {1} pictures analysed, {2} could not be analysed.</source>
        <translation>{0}: {1} immagini analizzate, {2} non sono state analizzate.</translation>
    </message>
    <message>
        <source>{0}: {1} pictures analysed.</source>
        <translation>{0}: {1} immagini analizzate.</translation>
    </message>
    <message>
        <source>{0}; more procedures are needed for ±{1}.</source>
        <translation>{0}; per ±{1} servono più procedure.</translation>
    </message>
    <message>
        <source>{0}; {1} more hours give about ±{2}.</source>
        <translation>{0}; altre {1} ore danno circa ±{2}.</translation>
    </message>
    <message>
        <source>{0}; {1} more minutes give about ±{2}.</source>
        <translation>{0}; altri {1} minuti danno circa ±{2}.</translation>
    </message>
    <message>
        <source>{a} and {b}</source>
        <translation>{a} e {b}</translation>
    </message>
    <message>
        <source>{a} events of A only, {b} of B only. Enter shows both models side by side in Replay.</source>
        <translation>{a} eventi solo di A, {b} solo di B. Invio mostra i due modelli affiancati nel Replay.</translation>
    </message>
    <message>
        <source>{clips} clips: {right} right, {false} false, {missed} missed, {rest} unsure or without a polyp. Everything is saved. Next: the miss audit for what nobody marked, or the figures.</source>
        <translation>{clips} clip: {right} giuste, {false} false, {missed} non rilevati, {rest} incerte o senza polipo. Tutto è salvato. Poi: la verifica dei non rilevati per ciò che nessuno ha segnato, o gli indicatori.</translation>
    </message>
    <message>
        <source>{count} chosen procedures</source>
        <translation>{count} procedure scelte</translation>
    </message>
    <message>
        <source>{count} false alarms less</source>
        <translation>{count} falsi allarmi in meno</translation>
    </message>
    <message>
        <source>{count} false alarms more</source>
        <translation>{count} falsi allarmi in più</translation>
    </message>
    <message>
        <source>{count} more windows, about {minutes} min</source>
        <translation>Ancora {count} finestre, circa {minutes} min</translation>
    </message>
    <message>
        <source>{count} not analysed yet</source>
        <translation>{count} non ancora analizzate</translation>
    </message>
    <message>
        <source>{count} true alarms less</source>
        <translation>{count} allarmi veri in meno</translation>
    </message>
    <message>
        <source>{count} true alarms more</source>
        <translation>{count} allarmi veri in più</translation>
    </message>
    <message>
        <source>{count} windows, about {minutes} min</source>
        <translation>{count} finestre, circa {minutes} min</translation>
    </message>
    <message>
        <source>{count} with reviewed time</source>
        <translation>{count} con tempo rivisto</translation>
    </message>
    <message>
        <source>{done} of {all} clips</source>
        <translation>{done} clip di {all}</translation>
    </message>
    <message>
        <source>{done} of {all} procedures done</source>
        <translation>{done} procedure di {all} fatte</translation>
    </message>
    <message>
        <source>{done} of {of} procedures so far.</source>
        <translation>Finora {done} procedure di {of}.</translation>
    </message>
    <message>
        <source>{done} of {of} procedures: {name}</source>
        <translation>{done} procedure di {of}: {name}</translation>
    </message>
    <message>
        <source>{file} in {folder}</source>
        <translation>{file} in {folder}</translation>
    </message>
    <message>
        <source>{first} to {last}</source>
        <translation>da {first} a {last}</translation>
    </message>
    <message>
        <source>{first} to {last}, {n} frames</source>
        <translation>da {first} a {last}, {n} fotogrammi</translation>
    </message>
    <message>
        <source>{first}, one frame</source>
        <translation>{first}, un fotogramma</translation>
    </message>
    <message>
        <source>{first}, {n} more</source>
        <translation>{first}, altri {n}</translation>
    </message>
    <message>
        <source>{found} of {answered} windows held a polyp that nobody had marked; {windows} windows were open.</source>
        <translation>{found} finestre su {answered} contenevano un polipo che nessuno aveva segnato; le finestre possibili erano {windows}.</translation>
    </message>
    <message>
        <source>{frames} frames of {n} procedures are handed over: {file}.</source>
        <translation>{frames} fotogrammi di {n} procedure sono consegnati: {file}.</translation>
    </message>
    <message>
        <source>{h} h {m} min</source>
        <translation>{h} h {m} min</translation>
    </message>
    <message>
        <source>{key} is already the key for: {action}. Choose another one, or change that first.</source>
        <translation>{key} è già il tasto per: {action}. Sceglierne un altro, o cambiare prima quello.</translation>
    </message>
    <message>
        <source>{key}: boxes back</source>
        <translation>{key}: riquadri visibili</translation>
    </message>
    <message>
        <source>{key}: longer</source>
        <translation>{key}: più a lungo</translation>
    </message>
    <message>
        <source>{lesions} lesions. {share}.</source>
        <translation>{lesions} lesioni. {share}.</translation>
    </message>
    <message>
        <source>{low} to {high}</source>
        <translation>da {low} a {high}</translation>
    </message>
    <message>
        <source>{mark}   {key} takes it back</source>
        <translation>{mark}   {key} lo annulla</translation>
    </message>
    <message>
        <source>{mark}, the withdrawal clock waits</source>
        <translation>{mark}, l'orologio della retrazione attende</translation>
    </message>
    <message>
        <source>{mark}, withdrawal runs</source>
        <translation>{mark}, retrazione in corso</translation>
    </message>
    <message>
        <source>{mark}, withdrawal {net} without interventions</source>
        <translation>{mark}, retrazione {net} senza interventi</translation>
    </message>
    <message>
        <source>{name} is analysed.</source>
        <translation>{name} è analizzata.</translation>
    </message>
    <message>
        <source>{name} is left out ({clips} clips): {why}</source>
        <translation>{name} è esclusa ({clips} clip): {why}</translation>
    </message>
    <message>
        <source>{name} is one of the two readers: somebody else must decide.</source>
        <translation>{name} è uno dei due lettori: deve decidere qualcun altro.</translation>
    </message>
    <message>
        <source>{name} was not analysed.</source>
        <translation>{name} non è stata analizzata.</translation>
    </message>
    <message>
        <source>{name} was not opened</source>
        <translation>{name} non è stata aperta</translation>
    </message>
    <message>
        <source>{name}: there are several results files of {model}; the newest one counts</source>
        <translation>{name}: ci sono più file di risultati di {model}; conta il più recente</translation>
    </message>
    <message>
        <source>{name}: {share} % reviewed</source>
        <translation>{name}: {share} % rivisto</translation>
    </message>
    <message>
        <source>{n} DICOM files are written.</source>
        <translation>{n} file DICOM scritti.</translation>
    </message>
    <message>
        <source>{n} FRAMES NOT ANALYSED</source>
        <translation>{n} FOTOGRAMMI NON ANALIZZATI</translation>
    </message>
    <message>
        <source>{n} LOST: {cause}</source>
        <translation>{n} PERSI: {cause}</translation>
    </message>
    <message>
        <source>{n} analyses with '{model}' are in the queue.</source>
        <translation>{n} analisi con '{model}' sono in coda.</translation>
    </message>
    <message>
        <source>{n} chosen</source>
        <translation>Scelte: {n}</translation>
    </message>
    <message>
        <source>{n} clips answered</source>
        <translation>{n} clip con risposta</translation>
    </message>
    <message>
        <source>{n} copies: {folder}.</source>
        <translation>{n} copie: {folder}.</translation>
    </message>
    <message>
        <source>{n} differences are still open: publish when all are settled.</source>
        <translation>{n} differenze sono ancora aperte: pubblicare quando tutte sono risolte.</translation>
    </message>
    <message>
        <source>{n} failed</source>
        <translation>{n} fallite</translation>
    </message>
    <message>
        <source>{n} false alarms a minute on {minutes} minutes of video, processors unknown</source>
        <translation>{n} falsi allarmi al minuto su {minutes} minuti di video, processori ignoti</translation>
    </message>
    <message>
        <source>{n} false alarms a minute on {minutes} minutes of video, processors: {processors}</source>
        <translation>{n} falsi allarmi al minuto su {minutes} minuti di video, processori: {processors}</translation>
    </message>
    <message>
        <source>{n} files were dropped; the first is open.</source>
        <translation>Sono stati trascinati {n} file; il primo è aperto.</translation>
    </message>
    <message>
        <source>{n} folders are in the library now: {names}</source>
        <translation>Ora nell'archivio ci sono {n} cartelle: {names}</translation>
    </message>
    <message>
        <source>{n} found</source>
        <translation>{n} trovati</translation>
    </message>
    <message>
        <source>{n} frames</source>
        <translation>{n} fotogrammi</translation>
    </message>
    <message>
        <source>{n} frames could not be analysed</source>
        <translation>{n} fotogrammi non analizzabili</translation>
    </message>
    <message>
        <source>{n} frames/s</source>
        <translation>{n} fotogrammi/s</translation>
    </message>
    <message>
        <source>{n} lesions</source>
        <translation>{n} lesioni</translation>
    </message>
    <message>
        <source>{n} min</source>
        <translation>{n} min</translation>
    </message>
    <message>
        <source>{n} of 9</source>
        <translation>{n} di 9</translation>
    </message>
    <message>
        <source>{n} of {all}</source>
        <translation>{n} di {all}</translation>
    </message>
    <message>
        <source>{n} of {all} frames</source>
        <translation>{n} fotogrammi di {all}</translation>
    </message>
    <message>
        <source>{n} of {all} procedures</source>
        <translation>Procedure: {n} di {all}</translation>
    </message>
    <message>
        <source>{n} of {all} settled</source>
        <translation>{n} di {all} risolte</translation>
    </message>
    <message>
        <source>{n} of {count}</source>
        <translation>{n} di {count}</translation>
    </message>
    <message>
        <source>{n} paused</source>
        <translation>{n} in pausa</translation>
    </message>
    <message>
        <source>{n} places that you called a polyp in the worklist have no box of yours and would be labelled 'no polyp'; the first is at {time}.</source>
        <translation>{n} punti chiamati polipo nella lista di lavoro non hanno un riquadro proprio e sarebbero annotati 'nessun polipo'; il primo è a {time}.</translation>
    </message>
    <message>
        <source>{n} procedures could not be scored; the report says why.</source>
        <translation>{n} procedure non si sono potute valutare; il motivo è nel rapporto.</translation>
    </message>
    <message>
        <source>{n} procedures so far.</source>
        <translation>Procedure finora: {n}.</translation>
    </message>
    <message>
        <source>{n} recordings are older than {days} days ({size}).</source>
        <translation>{n} registrazioni hanno più di {days} giorni ({size}).</translation>
    </message>
    <message>
        <source>{n} removed</source>
        <translation>{n} asportati</translation>
    </message>
    <message>
        <source>{n} s</source>
        <translation>{n} s</translation>
    </message>
    <message>
        <source>{n} to do</source>
        <translation>{n} da fare</translation>
    </message>
    <message>
        <source>{n} to do, {share} %</source>
        <translation>{n} da fare, {share} %</translation>
    </message>
    <message>
        <source>{path} is no folder.</source>
        <translation>{path} non è una cartella.</translation>
    </message>
    <message>
        <source>{rate} frames/s announced</source>
        <translation>{rate} fotogrammi/s dichiarati</translation>
    </message>
    <message>
        <source>{rate} pictures/s arrive</source>
        <translation>{rate} immagini/s in arrivo</translation>
    </message>
    <message>
        <source>{size} mm</source>
        <translation>{size} mm</translation>
    </message>
    <message>
        <source>{software}: set-up</source>
        <translation>{software}: configurazione</translation>
    </message>
    <message>
        <source>{speed}: 1 of {n} frames shown</source>
        <translation>{speed}: mostrato 1 fotogramma su {n}</translation>
    </message>
    <message>
        <source>{speed}: this machine holds {held}</source>
        <translation>{speed}: questo computer regge {held}</translation>
    </message>
    <message>
        <source>{state}, trying again ({n})</source>
        <translation>{state}, si riprova ({n})</translation>
    </message>
    <message>
        <source>{what} of one lesion. A says: {a}. B says: {b}.</source>
        <translation>{what} di una lesione. A dice: {a}. B dice: {b}.</translation>
    </message>
    <message>
        <source>{width} x {height} pixels</source>
        <translation>{width} x {height} pixel</translation>
    </message>
    <message>
        <source>{width} x {height} pixels from {x}, {y}</source>
        <translation>{width} x {height} pixel da {x}, {y}</translation>
    </message>
</context>
</TS>
