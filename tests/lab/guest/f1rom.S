/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * f1rom - a power-on self-test that found something to complain about.
 *
 * A PCI-less option ROM of 1 KiB. The BIOS finds it by its signature, calls
 * offset 3 and goes on when it returns. All input and output is INT 10h and
 * INT 16h, so what arrives on the serial line is what the BIOS's own console
 * redirection makes of it, as with a real machine.
 *
 * F1 goes on. F2 shows a "setup program", which Esc leaves. Other keys are
 * ignored. The build pads the file and sets its checksum.
 */
	.code16
	.text
	.globl	_start
_start:
	.byte	0x55, 0xaa
	.byte	2			/* size in units of 512 bytes */
	pushaw
	pushw	%ds
	pushw	%cs
	popw	%ds
	cld
	movw	$prompt, %si
	call	print
ask:
	xorw	%ax, %ax
	int	$0x16
	cmpb	$0x3b, %ah		/* F1 */
	je	leave
	cmpb	$0x3c, %ah		/* F2 */
	jne	ask
	movw	$0x0003, %ax		/* clears the screen */
	int	$0x10
	movw	$setup, %si
	call	print
in_setup:
	xorw	%ax, %ax
	int	$0x16
	cmpb	$0x1b, %al		/* Esc */
	jne	in_setup
	movw	$0x0003, %ax
	int	$0x10
leave:
	movw	$crlf, %si
	call	print
	popw	%ds
	popaw
	lretw

/* Prints the text at ds:si up to its NUL. */
print:
	lodsb
	testb	%al, %al
	jz	1f
	movb	$0x0e, %ah
	movw	$0x0007, %bx
	int	$0x10
	jmp	print
1:	ret

prompt:
	.ascii	"\r\nAlert! The system battery is low.\r\n"
	.ascii	"Keyboard failure or no keyboard present\r\n\r\n"
	.asciz	"Strike the F1 key to continue, F2 to run the system setup program\r\n"
setup:
	.ascii	"                     System Setup  (revision A07)\r\n\r\n"
	.ascii	"  System Time ............. 03:07:12\r\n"
	.ascii	"  System Memory ........... 128 MB\r\n"
	.ascii	"  Report Keyboard Errors .. Report\r\n\r\n"
	.asciz	"  Esc = leave and continue the boot\r\n"
crlf:
	.asciz	"\r\n"
